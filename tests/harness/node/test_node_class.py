"""The `Node` class, on a host that only writes down."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import node_stores
import pytest

from harness.node import Body, Node, RpcError
from harness.node.clock import SystemClock
from harness.node.disk import FolderDisk
from harness.node.node import EARLY_REQUESTS_MAX


class Notebook:
    """A host whose network is a list."""

    name = "n2"
    nodes = ("n1", "n2", "n3")

    def __init__(self, folder: Path) -> None:
        self.clock = SystemClock()
        self.disk = FolderDisk(folder)
        self.random = random.Random(1)
        self.sent: list[tuple[str, Body]] = []
        self.lines: list[str] = []

    def send(self, dest: str, body: Body) -> None:
        self.sent.append((dest, body))

    def call_later(self, seconds: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(seconds, callback)

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return asyncio.get_running_loop().create_task(coroutine)

    def log(self, text: str) -> None:
        self.lines.append(text)


Story = Callable[[Node, Notebook], Awaitable[None]]


def play(
    folder: Path, story: Story, node_class: Callable[..., Node] = node_stores.Store, *, boot: bool = True
) -> Notebook:
    async def main() -> Notebook:
        host = Notebook(folder)
        node = node_class(host)
        if boot:
            await node.boot()
        await story(node, host)
        host.disk.close()
        return host

    return asyncio.run(main())


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_node_knows_itself_and_the_others(tmp_path: Path) -> None:
    async def story(node: Node, host: Notebook) -> None:
        assert (node.name, node.nodes, node.peers) == ("n2", ("n1", "n2", "n3"), ("n1", "n3"))

    play(tmp_path, story)


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"type": "read", "key": "k", "msg_id": 5}, {"type": "read_ok", "value": None, "in_reply_to": 5}),
        ({"type": "read", "key": "k", "msg_id": 0}, {"type": "read_ok", "value": None, "in_reply_to": 0}),
        ({"type": "slow", "seconds": 0, "msg_id": 5}, {"type": "slow_ok", "in_reply_to": 5}),
        (
            {"type": "cas", "key": "k", "msg_id": 5},
            {"type": "error", "code": 22, "text": "no", "current": None, "in_reply_to": 5},
        ),
        ({"type": "read", "msg_id": 5}, {"type": "error", "code": 13, "text": "KeyError: 'key'", "in_reply_to": 5}),
        (
            {"type": "crash", "msg_id": 5},
            {"type": "error", "code": 13, "text": "KeyError: 'nowhere'", "in_reply_to": 5},
        ),
        ({"type": "fly", "msg_id": 5}, {"type": "error", "code": 10, "text": "no such request: fly", "in_reply_to": 5}),
        ({"type": "read", "key": "k"}, None),
        ({"type": "cas", "key": "k"}, None),
        ({"type": "copy", "key": "k", "value": 1, "msg_id": 5}, None),
    ],
)
def test_requests_are_answered_once_and_only_when_asked_for(tmp_path: Path, body: Body, answer: Body | None) -> None:
    async def story(node: Node, host: Notebook) -> None:
        node.receive("c1", body)
        await settle()

    host = play(tmp_path, story)
    assert host.sent == ([("c1", answer)] if answer else [])
    assert any("Traceback" in line for line in host.lines) == (answer is not None and answer.get("code") == 13)


def test_overriding_on_message_takes_everything(tmp_path: Path) -> None:
    async def story(node: Node, host: Notebook) -> None:
        for kind in ("any", "refuse", "default"):
            node.receive("c1", {"type": kind, "msg_id": 1})
        await settle()

    host = play(tmp_path, story, node_stores.Everything)
    assert [(body["type"], body.get("code")) for _, body in host.sent] == [
        ("anything", None),
        ("error", 11),
        ("error", 10),
    ]


def test_rpc_gives_the_answer_that_names_the_question(tmp_path: Path) -> None:
    async def story(node: Node, host: Notebook) -> None:
        first = asyncio.ensure_future(node.rpc("n1", {"type": "a"}, 1))
        second = asyncio.ensure_future(node.rpc("n1", {"type": "b"}, 1))
        await settle()
        ids = [body["msg_id"] for _, body in host.sent]
        node.receive("n1", {"type": "b_ok", "in_reply_to": ids[1]})
        node.receive("n1", {"type": "b_ok", "in_reply_to": ids[1]})
        node.receive("n1", {"type": "error", "code": 22, "text": "x", "current": 4, "in_reply_to": ids[0]})
        node.receive("n1", {"type": "stray", "in_reply_to": 1})
        assert (await second)["type"] == "b_ok"
        with pytest.raises(RpcError) as caught:
            await first
        assert (caught.value.code, caught.value.extra) == (22, {"current": 4})

    host = play(tmp_path, story)
    assert len(host.sent) == 2


def test_rpc_gives_up_and_ignores_a_late_answer(tmp_path: Path) -> None:
    async def story(node: Node, host: Notebook) -> None:
        with pytest.raises(TimeoutError, match=r"n1 did not answer 'a' within 0\.01 s"):
            await node.rpc("n1", {"type": "a"}, 0.01)
        node.receive("n1", {"type": "a_ok", "in_reply_to": host.sent[0][1]["msg_id"]})
        cancelled = asyncio.ensure_future(node.rpc("n1", {"type": "a"}, 10))
        await settle()
        cancelled.cancel()
        await settle()
        assert not node._replies

    play(tmp_path, story)


def test_two_incarnations_do_not_take_each_others_answers(tmp_path: Path) -> None:
    ids: set[int] = set()

    async def story(node: Node, host: Notebook) -> None:
        host.random.seed(len(ids))
        again = node_stores.Store(host)
        question = asyncio.ensure_future(again.rpc("n1", {"type": "a"}, 1))
        await settle()
        ids.add(host.sent[0][1]["msg_id"])
        question.cancel()

    for _ in range(3):
        play(tmp_path, story)
    assert len(ids) == 3
    assert max(ids) < 2**53, "JSON numbers are doubles elsewhere"


def test_early_requests_wait_in_a_bounded_line_and_early_answers_do_not(tmp_path: Path) -> None:
    async def story(node: Node, host: Notebook) -> None:
        for number in range(EARLY_REQUESTS_MAX + 10):
            node.receive("c1", {"type": "read", "key": "k", "msg_id": number})
        asked = asyncio.ensure_future(node.rpc("n1", {"type": "a"}, 1))
        await settle()
        assert [body["type"] for _, body in host.sent] == ["a"]
        node.receive("n1", {"type": "a_ok", "in_reply_to": host.sent[0][1]["msg_id"]})
        assert (await asked)["type"] == "a_ok"
        host.sent.clear()
        await node.boot()
        await settle()
        assert [body["in_reply_to"] for _, body in host.sent] == list(range(10, EARLY_REQUESTS_MAX + 10))

    play(tmp_path, story, boot=False)


def test_what_a_spawned_task_ends_with_is_logged(tmp_path: Path) -> None:
    async def story(node: Node, host: Notebook) -> None:
        async def fails() -> None:
            raise ValueError("in the background")

        async def works() -> int:
            return 3

        node.spawn(fails())
        node.spawn(asyncio.sleep(100)).cancel()
        assert await node.spawn(works()) == 3
        await settle()

    host = play(tmp_path, story)
    assert [line for line in host.lines if "Traceback" in line] == [
        line for line in host.lines if "in the background" in line
    ]
    assert len([line for line in host.lines if "in the background" in line]) == 1


def test_timers_call_back_once_unless_cancelled(tmp_path: Path) -> None:
    called: list[int] = []

    async def story(node: Node, host: Notebook) -> None:
        node.after(0.01, lambda: called.append(1))
        node.after(0.01, lambda: called.append(2)).cancel()
        await asyncio.sleep(0.05)

    play(tmp_path, story)
    assert called == [1]


def test_error_bodies_survive_the_way_there_and_back() -> None:
    error = RpcError(22, "no", current=[1])
    back = RpcError.from_body({**error.to_body(), "in_reply_to": 4})
    assert (back.code, back.text, back.extra, str(back)) == (22, "no", {"current": [1]}, "no (error 22)")
    assert RpcError.from_body({"type": "error"}).code == 13
