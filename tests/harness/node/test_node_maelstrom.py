"""The node under Maelstrom's protocol, over pipes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


class Talk:
    """A node process and the pipes to it."""

    def __init__(self, node: str, *more: str) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parents[2]), str(HERE)])}
        command = [sys.executable, "-W", "error", "-m", "harness.node", node, "--maelstrom", *more]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True)

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def send(self, source: str, dest: str, **body: Any) -> None:
        self.say(json.dumps({"src": source, "dest": dest, "body": body}))

    def hear(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def init(self) -> None:
        self.send("c0", "n1", type="init", msg_id=1, node_id="n1", node_ids=["n1", "n2"])

    def end(self) -> tuple[int, str]:
        _, log = self.process.communicate(timeout=10)
        return self.process.returncode, log


@pytest.fixture
def talk() -> Iterator[Talk]:
    talk = Talk("node_stores:Store")
    yield talk
    talk.process.kill()
    talk.process.communicate()


def test_init_requests_and_the_end(talk: Talk) -> None:
    talk.send("c1", "n1", type="read", key="k", msg_id=9)
    assert talk.hear()["body"] == {"type": "error", "code": 11, "text": "init has not come yet", "in_reply_to": 9}
    talk.init()
    assert talk.hear() == {"src": "n1", "dest": "c0", "body": {"type": "init_ok", "in_reply_to": 1}}
    talk.send("c1", "n1", type="write", key="k", value=[1], msg_id=2)
    assert talk.hear() == {"src": "n1", "dest": "n2", "body": {"type": "copy", "key": "k", "value": [1]}}
    assert talk.hear() == {"src": "n1", "dest": "c1", "body": {"type": "write_ok", "in_reply_to": 2}}
    talk.send("c1", "n1", type="ask", whom="n2", body={"type": "read", "key": "x"}, msg_id=3)
    asked = talk.hear()
    assert (asked["dest"], asked["body"]["type"]) == ("n2", "read")
    talk.send("n2", "n1", type="read_ok", value=5, in_reply_to=asked["body"]["msg_id"])
    assert talk.hear()["body"]["reply"]["value"] == 5
    talk.say("garbage")
    assert talk.hear()["body"]["code"] == 12
    code, log = talk.end()
    assert code == 0
    assert "Traceback" not in log


def test_a_malformed_init_is_refused_and_a_good_one_may_follow(talk: Talk) -> None:
    talk.send("c0", "n1", type="init", msg_id=1, node_id=3)
    assert talk.hear()["body"]["code"] == 12
    talk.init()
    assert talk.hear()["body"]["type"] == "init_ok"


@pytest.mark.parametrize(("node", "options"), [("node_stores:Failing", "{}"), ("node_stores:Store", '{"no_such": 1}')])
def test_a_node_that_cannot_start_ends_with_its_reason(node: str, options: str) -> None:
    talk = Talk(node, "--options", options)
    talk.init()
    code, log = talk.end()
    assert code == 1
    assert "the disk is on fire" in log or "no_such" in log


def test_its_disk_is_the_given_folder_or_goes_with_it(tmp_path: Path) -> None:
    talk = Talk("node_stores:Store", "--data", str(tmp_path / "disk"))
    talk.init()
    talk.hear()
    talk.send("c1", "n1", type="write", key="k", value=1, msg_id=2)
    talk.hear()
    talk.hear()
    assert talk.end()[0] == 0
    assert (tmp_path / "disk" / "log").read_bytes() == b"+"
