"""Runs folders made by hand, and a server over them that is asked by a plain client."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from harness.plan import Plan
from tests.reports.markup import Element, parse
from tests.reports.synthetic import failing, passing

ROOT = Path(__file__).parents[3]
TIMEOUT_S = 30.0


def verdict(**changes: Any) -> dict[str, Any]:
    """A `verdict.json` of a run that kept its two promises."""
    claims = [
        {"id": "raft-linearizable", "expect": "linearizable", "verdict": "pass", "why": "decided by zones"},
        {
            "id": "raft-available",
            "expect": {"availability": {"min": 0.99}},
            "verdict": "pass",
            "stats": {"judged": {"share": 0.995}},
        },
    ]
    whole = {
        "verdict": "pass",
        "exit_code": 0,
        "target": "raft",
        "workload": "register",
        "cluster": "sim",
        "seed": 7,
        "claims": claims,
        "faults": [{"family": "partition"}],
        "stats": {"ops": 5980},
    }
    return whole | changes


def judged(root: Path, target: str, run: str, /, **changes: Any) -> Path:
    """A run's folder with a verdict and nothing else."""
    folder = root / target / run
    folder.mkdir(parents=True)
    found = verdict(**{"target": target} | changes)
    (folder / "verdict.json").write_text(json.dumps(found), encoding="utf-8")
    return folder


def whole(root: Path, run: str, *, fails: bool = False) -> Path:
    """A run's folder with all that a run leaves: history, plan, faults, verdict and report."""
    from reports.html import save

    data = failing() if fails else passing()
    folder = root / data.target / run
    folder.mkdir(parents=True)
    data.history.write(folder / "history.arrow", "arrow")
    given = {"target": data.target, "seed": data.seed, "time": "60s", "expect": ["linearizable"]}
    plan = Plan.build(given | {"nemeses": list(data.nemeses)})
    (folder / "plan.yaml").write_text(plan.to_yaml(), encoding="utf-8")
    found = verdict(target=data.target, verdict=data.verdict.value, seed=data.seed, faults=[])
    found["claims"] = [
        {"id": claim.id, "expect": claim.expect, "verdict": claim.verdict.value, "why": claim.why}
        for claim in data.claims
    ]
    (folder / "verdict.json").write_text(json.dumps(found), encoding="utf-8")
    save(data, folder / "report.html")
    return folder


class Answer:
    """What the server said."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def page(self) -> Element:
        """The page, as a tree; fails on markup that a browser would have to repair."""
        return parse(self.text.removeprefix("<!doctype html>"))


class Server:
    """`splitbrain serve` as a process, on a free port of loopback."""

    def __init__(self, root: Path, *words: str) -> None:
        command = [sys.executable, "-m", "harness.cli", "serve", "--runs", str(root), "--port", "0", *words]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)
        assert self.process.stdout
        self.line = self.process.stdout.readline()
        address = next((word for word in self.line.split() if word.startswith("http://")), None)
        assert address, self.process.communicate(timeout=TIMEOUT_S)
        self.host = urlsplit(address).netloc

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            code, errors = self.end(signal.SIGTERM)
            assert code == 0, errors
            assert "Traceback" not in errors, errors

    def end(self, how: signal.Signals) -> tuple[int, str]:
        """Ends it; its exit code and what it wrote on standard error."""
        self.process.send_signal(how)
        _, errors = self.process.communicate(timeout=TIMEOUT_S)
        return self.process.returncode, errors

    def ask(self, method: str, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection(self.host, timeout=TIMEOUT_S)
        try:
            connection.request(method, path, headers=dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers)

    def post(self, path: str) -> Answer:
        """As a form of the server's own page sends it."""
        return self.ask("POST", path, {"Origin": f"http://{self.host}", "Content-Length": "0"})
