"""Raft with one thing wrong at a time: each must be caught."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from harness.node import Body, Host, RpcError
from targets.toys.machine import Command, Registers
from targets.toys.raft import Raft
from targets.toys.raft_log import RaftLog


class LazyLog(RaftLog):
    """Writes everything, and waits for none of it."""

    async def sync(self) -> None:
        task = asyncio.get_running_loop().create_task(super().sync())
        task.add_done_callback(lambda _: None)

    @property
    def clean(self) -> bool:
        return True


class AnswersBeforeSync(Raft):
    """Votes and acknowledges entries before they are durable."""

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **options)
        self.state = LazyLog(host.disk, host.nodes)


class VotesBeforeSync(Raft):
    """Gives its vote away before it is durable."""

    async def promise(self, dest: str, body: Body) -> None:
        if body["type"] == "vote_reply":
            self.send(dest, body)
        else:
            await super().promise(dest, body)


class ReadsFromMemory(Raft):
    """A leader reads without asking whether it still is one."""

    def _read(self, key: str | int) -> Awaitable[Body]:
        answer: asyncio.Future[Body] = asyncio.get_running_loop().create_future()
        answer.set_result(self._registers.read(key))
        return answer


class ReadsAnywhere(Raft):
    """Followers read what they have."""

    async def _answer(self, command: Command, hops: int) -> Body:
        if command[2] == "read":
            return self._registers.read(command[3])
        return await super()._answer(command, hops)


class TriesAgain(Raft):
    """Hands a write on again, as a new one, when it is not told what became of it."""

    async def _answer(self, command: Command, hops: int) -> Body:
        try:
            return await super()._answer(command, hops)
        except RpcError as error:
            if error.code != 0 or hops:
                raise
            return await super()._answer(self._command(*command[2:]), hops)


class NoMemory(Registers):
    """Does a command as often as it comes."""

    def apply(self, command: Command) -> Body:
        return self._do(*command[2:])


class AppliesTwice(Raft):
    """Takes a repeated message for a new request."""

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **options)
        self._registers = NoMemory()


class TakesNoForAnAnswer(Raft):
    """Says that a write did not happen when nobody knows."""

    async def _answer(self, command: Command, hops: int) -> Body:
        try:
            return await super()._answer(command, hops)
        except RpcError as error:
            raise RpcError(11 if error.code == 0 else error.code, error.text, **error.extra) from None
