"""The pages, as a plain client gets them from a real server."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.history import History
from tests.reports.serve.folders import ROOT, Answer, Server, judged, whole

RAFT, LEADERS = "20260102T030405-7", "20260103T030405-7"
RUN = f"/runs/raft/{RAFT}"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    whole(root, RAFT)
    whole(root, LEADERS, fails=True)
    for number in range(60):
        judged(root, "etcd", f"20260101T0000{number:02}-{number}")
    (root / "gates").mkdir()
    shown = {
        "seed": 3,
        "anomaly": "lost-update",
        "message": "two were told ok",
        "witness": ["read 1"],
        "command": "splitbrain run raft",
        "run": f"elsewhere/runs/raft/{RAFT}",
        "fingerprint": "f",
    }
    case = {"name": "held", "target": "raft", "verdict": "fail", "why": "it broke", "runs": 3, "shown": shown}
    answer = {"verdict": "fail", "file": "claims.yaml", "runs": 3, "seconds": 2.5, "cases": [case], "baseline": []}
    (root / "gates" / "claims.json").write_text(json.dumps(answer), encoding="utf-8")
    (root / "gates" / "torn.json").write_text('{"verdict":', encoding="utf-8")
    (root / "compare-raft-etcd-7.html").write_text("<!doctype html><title>compared</title>", encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[Server]:
    with Server(root) as server:
        until(lambda: "to go" not in server.get("/").text)
        yield server


def until(done: object, seconds: float = 30.0) -> None:
    """Waits until `done()`."""
    assert callable(done)
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.1)


def rows(answer: Answer) -> list[str]:
    """The targets that a list shows, in order."""
    assert answer.status == 200
    return [row.all("th")[0].text.strip() for row in answer.page.one("table").one("tbody").all("tr")]


def test_the_list_of_runs(server: Server) -> None:
    answer = server.get("/")
    assert answer.page.one("h1").text == "62 runs, 1 broke a promise"
    shown = rows(answer)
    assert (len(shown), shown[:2]) == (50, ["multi-leader", "raft"])
    assert "1 to 50 of 62 runs" in answer.text


def test_filters_and_pages_are_links_and_forms(server: Server) -> None:
    assert rows(server.get("/?q=&target=&verdict=fail")) == ["multi-leader"]
    assert rows(server.get("/?target=etcd&page=2")) == ["etcd"] * 10
    assert rows(server.get("/?q=raft+linearizable&workload=register"))[-1] == "etcd"
    first = server.get("/").page
    [following] = first.all("a", rel="next")
    assert rows(server.get(str(following.attributes["href"]))) == ["etcd"] * 12
    assert server.get("/?target=nobody").page.all("div", class_="empty")


def test_a_run(server: Server) -> None:
    page = server.get(RUN).page
    assert page.one("h1").text == "raft"
    links = [str(link.attributes["href"]) for link in page.all("a", class_="button")]
    assert f"/files/raft/{RAFT}/report.html" in links
    for link in links:
        assert server.get(link).status == 200, link


def test_the_report_has_no_origin_and_no_script_but_ours(server: Server, root: Path) -> None:
    answer = server.get(f"/files/raft/{RAFT}/report.html")
    assert answer.body == (root / "raft" / RAFT / "report.html").read_bytes()
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts") and "allow-same-origin" not in policy
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
    assert "default-src 'none'" in policy


def test_comparisons_that_lie_in_the_folder(server: Server) -> None:
    assert "raft-etcd-7" in server.get("/compare").text
    assert server.get("/files/compare-raft-etcd-7.html").headers["content-security-policy"].startswith("sandbox")
    for name in ("verdict.json", "compare-..html", "compare-none.html"):
        assert server.get(f"/files/{name}").status == 404


def test_runs_side_by_side(server: Server) -> None:
    page = server.get(f"/compare?run=raft/{RAFT}&run=multi-leader/{LEADERS}").page
    heads = [head.text.split()[0] for head in page.one("table", class_="matrix").one("thead").all("th")]
    assert heads == ["Run", "raft", "multi-leader"]
    assert len(page.all("svg", class_="chart")) == 6
    assert server.get(f"/compare?run=raft/{RAFT}").status == 422
    assert server.get("/compare?run=../../etc&run=a/b").status == 404


def test_trends(server: Server) -> None:
    assert rows(server.get("/trends?target=etcd")) == ["raft-available", "raft-linearizable"]
    page = server.get("/trends?target=etcd&claim=raft-available").page
    assert len(page.all("svg", class_="chart")) == 2
    table = page.one("table").one("tbody").all("tr")
    assert len(table) == 60
    assert "99.50 %" in table[0].text
    assert len(page.all("a", href="/runs/etcd/20260101T000059-59")) == 2  # a mark in the chart, a row in the table
    assert server.get("/trends?target=nothing").page.all("div", class_="empty")


def test_gates(server: Server) -> None:
    text = server.get("/gates").page.one("table").text
    assert "claims" in text and "torn" in text and "unreadable" in text
    page = server.get("/gates/claims").page
    assert "two were told ok" in page.text
    assert RUN in [link.attributes["href"] for link in page.all("a", class_="button")]
    assert "not JSON" in server.get("/gates/torn").page.text
    assert server.get("/gates/none").status == 404


@pytest.mark.parametrize("form", ["arrow", "jsonl", "edn"])
def test_a_history_can_be_taken_away_in_any_format(server: Server, root: Path, tmp_path: Path, form: str) -> None:
    answer = server.get(f"{RUN}/history.{form}")
    assert answer.headers["content-disposition"] == f'attachment; filename="raft-{RAFT}.{form}"'
    (tmp_path / f"taken.{form}").write_bytes(answer.body)
    taken, kept = History.read(tmp_path / f"taken.{form}"), History.read(root / "raft" / RAFT / "history.arrow")
    assert len(taken) == len(kept)
    assert taken[100] == kept[100]


def test_a_folder_can_be_taken_away(server: Server, root: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(server.get(f"{RUN}/folder.zip").body)) as archive:
        assert archive.testzip() is None
        for name in ("history.arrow", "plan.yaml", "report.html", "verdict.json"):
            assert archive.read(f"{RAFT}/{name}") == (root / "raft" / RAFT / name).read_bytes()


def test_a_run_is_judged_again(server: Server, root: Path) -> None:
    before = (root / "raft" / RAFT / "verdict.json").read_text()
    answer = server.post(f"{RUN}/check")
    assert (answer.status, answer.headers["location"]) == (303, RUN)
    until(lambda: "Judged again" in server.get(RUN).text)
    after = json.loads((root / "raft" / RAFT / "verdict.json").read_text())
    assert after != json.loads(before)
    assert [claim["id"] for claim in after["claims"]] == ["linearizable"]


def test_only_what_was_recorded_can_be_judged(server: Server) -> None:
    answer = server.post("/runs/etcd/20260101T000000-0/check")
    assert (answer.status, "no plan.yaml" in answer.text) == (409, True)
    assert server.post("/runs/etcd/nothing/check").status == 404
    assert server.get(f"{RUN}/check").status == 405


@pytest.mark.parametrize(
    "path",
    [
        "/runs/..%2f..%2fetc/passwd",
        "/runs/%2e%2e/%2e%2e",
        "/runs/raft/%00",
        "/runs/raft/" + "x" * 300,
        "/files/../../../etc/passwd",
        "/files/..%2f..%2fsecret/x/report.html",
        "/files/%2e%2e%2fcompare-x.html",
        "/gates/..%2f..%2fraft",
        f"{RUN}/history.exe",
        "/static/../../etc/passwd",
        "/runs/raft/\\..\\..",
        "/runs/%ff%fe/x",
    ],
)
def test_no_path_leads_out_and_none_is_a_defect(server: Server, path: str) -> None:
    answer = server.get(path)
    assert answer.status == 404
    assert "root:" not in answer.text
    assert "Traceback" not in answer.text


def test_garbage_for_a_request_harms_nobody(server: Server) -> None:
    host, _, port = server.host.partition(":")
    for garbage in (b"\0" * 64, b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\nHost: " + b"a" * 100_000):
        with socket.create_connection((host, int(port)), timeout=10) as raw:
            raw.sendall(garbage)
            raw.shutdown(socket.SHUT_WR)
            while raw.recv(1 << 16):
                pass
    assert server.get("/").status == 200


def test_two_servers_over_one_folder_and_an_end_by_ctrl_c(root: Path) -> None:
    with Server(root) as one, Server(root) as two:
        assert one.host != two.host
        assert one.get("/gates").status == two.get("/gates").status == 200
        code, errors = one.end(signal.SIGINT)
        assert (code, errors) == (0, "")
        assert two.get(RUN).status == 200


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--runs", "nowhere"], "nowhere is no folder: expected one that holds runs"),
        (["--host", "no.such.name.invalid"], "cannot listen on no.such.name.invalid, port 8000: "),
        (["--port", "taken"], "Address already in use; --port 0 takes any that is free"),
    ],
)
def test_what_cannot_be_served_is_one_message(server: Server, tmp_path: Path, words: list[str], told: str) -> None:
    (tmp_path / "runs").mkdir()
    words = [word.replace("taken", server.host.partition(":")[2]) for word in words]
    command = [sys.executable, "-m", "harness.cli", "serve", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, told in done.stderr) == (2, "", True), done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_end_does_not_wait_for_who_does_not_read(tmp_path: Path) -> None:
    with (judged(tmp_path, "raft", RAFT) / "history.arrow").open("wb") as file:
        file.truncate(200 << 20)
    with Server(tmp_path) as server:
        host, _, port = server.host.partition(":")
        with socket.create_connection((host, int(port)), timeout=10) as raw:
            raw.sendall(f"GET {RUN}/history.arrow HTTP/1.1\r\nHost: {server.host}\r\n\r\n".encode())
            assert raw.recv(12) == b"HTTP/1.1 200"
            began_s = time.monotonic()
            code, errors = server.end(signal.SIGTERM)
            assert (code, "Traceback" in errors, time.monotonic() - began_s < 15) == (0, False, True), errors


def test_a_worker_ends_with_the_server(root: Path) -> None:
    with Server(root) as server:
        server.post(f"{RUN}/check")
        until(lambda: "Judged again" in server.get(RUN).text)
        tasks = Path(f"/proc/{server.process.pid}/task")
        children = [child for task in tasks.iterdir() for child in (task / "children").read_text().split()]
        assert children
        assert server.end(signal.SIGTERM)[0] == 0
        until(lambda: not any(Path(f"/proc/{child}").exists() for child in children))
