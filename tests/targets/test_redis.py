"""Redis with Sentinel as a target, on real nodes: what its clients do, what its errors mean, who is primary."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from harness.client import Client, Failed, Indeterminate
from harness.errors import NodeError, UnknownName, UsageError
from harness.experiment import checker_factory
from harness.operation import Operation
from harness.plugins import load
from targets.redis import redis, target
from targets.redis.daemons import SENTINEL_PORT, server_port
from targets.redis.errors import failure
from targets.redis.resp import Line
from targets.redis.sentinel import primary_of
from targets.unanswered import Unanswered
from tests.targets.local import LocalCluster, needs, running, until
from tests.targets.told import asked, told

pytestmark = needs("redis-server", "redis-sentinel")

SERVED: dict[str, Sequence[tuple[Operation, Any]]] = {
    "register": (
        (Operation("read", 1), None),
        (Operation("cas", 1, [4, 5]), (Failed, {"current": None})),
        (Operation("write", 1, 5), 5),
        (Operation("cas", 1, [5, 6]), [5, 6]),
        (Operation("cas", 1, [5, 7]), (Failed, {"current": 6})),
        (Operation("read", 1), 6),
        (Operation("swap", 1), (Failed, {"type": "unknown", "text": "there is no operation 'swap' here"})),
    ),
    "append": (
        (
            Operation("txn", None, [["r", 1, None], ["append", 1, 3], ["r", 1, None], ["append", 2, 4]]),
            [["r", 1, []], ["append", 1, 3], ["r", 1, [3]], ["append", 2, 4]],
        ),
        (Operation("txn", None, [["r", 1, None], ["r", 2, None], ["r", 3, None]]),
         [["r", 1, [3]], ["r", 2, [4]], ["r", 3, []]]),
    ),
    "set": (
        (Operation("add", 1, 5), 5),
        (Operation("add", 1, 70), 70),
        (Operation("read", 1), [5, 70]),
        (Operation("read", 2), []),
    ),
    "lock": (
        (Operation("acquire", 1, 7), 7),
        (Operation("acquire", 1, 8), (Failed, {"current": 7})),
        (Operation("release", 1, 8), (Failed, {"current": 7})),
        (Operation("release", 1, 7), 7),
        (Operation("release", 1, 7), (Failed, {"current": None})),
        (Operation("acquire", 1, 9), 9),
    ),
}  # fmt: skip


async def server_of(cluster: LocalCluster, node: str) -> Line:
    return await Line.open(partial(cluster.dial, node, server_port(cluster.nodes, node)))


def test_each_workload_is_served_as_its_own_words_say(tmp_path: Path) -> None:
    async def main() -> None:
        made = redis()
        async with running(made, tmp_path) as cluster:
            for workload, expected in SERVED.items():
                client = made.client(workload, cluster, "n2")
                assert isinstance(client, Client)
                await client.open()
                answers = await told(client, *(op for op, _ in expected))
                assert answers == [answer for _, answer in expected], workload
                await client.close()

    asyncio.run(main())


def test_a_lock_expires(tmp_path: Path) -> None:
    async def main() -> None:
        made = redis(lock="200ms")
        async with running(made, tmp_path, ["n1"]) as cluster:
            assert await asked(made, cluster, "n1", "lock", Operation("acquire", 1, 7)) == [7]
            await asyncio.sleep(0.3)
            assert await asked(made, cluster, "n1", "lock", Operation("acquire", 1, 8)) == [8]

    asyncio.run(main())


@pytest.mark.timeout(120)
def test_a_failover_moves_clients_and_a_former_primary_rejoins_as_a_replica(tmp_path: Path) -> None:
    async def main() -> None:
        made = redis(failover_timeout="1s")
        async with running(made, tmp_path) as cluster:
            assert await made.primaries(cluster) == ["n1"], "the first node is the first primary"
            client = made.client("register", cluster, "n2")
            assert await told(client, Operation("write", 1, 5)) == [5]
            await cluster.kill(["n1"])
            [(kind, _)] = await told(client, Operation("read", 1))
            assert kind is Failed

            async def served() -> bool:
                return await told(client, Operation("read", 1)) == [5]

            await until(served, 30)
            assert await told(client, Operation("write", 1, 6)) == [6]
            [successor] = await made.primaries(cluster)
            assert successor != "n1"
            await cluster.start(["n1"])

            async def rejoined() -> bool:
                line = await server_of(cluster, "n1")
                try:
                    role = await line.call("ROLE")
                    assert isinstance(role, list)
                    return role[0] == b"slave" and await line.call("GET", "register/1") == b"6"
                except Unanswered:
                    return False
                finally:
                    line.close()

            await until(rejoined, 40)
            assert await primary_of(cluster, "n1") == successor
            await client.close()
            for file in ("redis.conf", "sentinel.conf"):
                assert "CONFIG REWRITE" in (cluster.data("n1") / file).read_text(), "roles are kept in the data"

    asyncio.run(main())


def test_a_primary_that_dies_meanwhile_leaves_writes_open_and_not_reads(tmp_path: Path) -> None:
    async def main() -> None:
        made = redis()
        async with running(made, tmp_path, ["n1"]) as cluster:
            clients = [made.client("register", cluster, "n1") for _ in range(2)]
            for client in clients:
                await client.open()
            await cluster.pause(["n1"])
            ops = (Operation("write", 1, 5), Operation("read", 1))
            waiting = [asyncio.create_task(told(client, op)) for client, op in zip(clients, ops, strict=True)]
            await asyncio.sleep(0.3)
            await cluster.kill(["n1"])
            [[(write, why)], [(read, _)]] = await asyncio.gather(*waiting)
            assert (write, read, why["type"]) == (Indeterminate, Failed, "broken")
            [(kind, error)] = await told(clients[0], Operation("write", 1, 6))
            assert (kind, error["type"]) == (Failed, "not-sent")
            for client in clients:
                await client.close()

    asyncio.run(main())


def test_a_sentinel_that_does_not_answer_costs_time_and_leaves_nothing_open(tmp_path: Path) -> None:
    async def main() -> None:
        made = redis()
        async with running(made, tmp_path, ["n1"]) as cluster:
            await cluster.pause(["n1"], daemon=1)
            [(kind, error)] = await asked(made, cluster, "n1", "register", Operation("write", 1, 5))
            assert (kind, error["text"]) == (Failed, "no primary was found within 2 s")

    asyncio.run(main())


async def refused(line: Line, *command: str | int) -> tuple[str, type[Exception]]:
    """The code of an error, and what the table says of it."""
    with pytest.raises(Unanswered) as problem:
        await line.call(*command)
    said = failure(problem.value, harmless=False)
    return said.error["code"], type(said)


def test_real_errors_of_a_server_that_may_not_write(tmp_path: Path) -> None:
    async def main() -> None:
        made = redis(min_replicas=1)
        async with running(made, tmp_path, ["n1", "n2"]) as cluster:
            replica, primary = await server_of(cluster, "n2"), await server_of(cluster, "n1")
            assert await refused(replica, "SET", "x", 1) == ("READONLY", Failed)
            assert await refused(replica, "EVAL", "return redis.call('SET', 'x', 1)", 0) == ("READONLY", Failed)
            assert await replica.call("MULTI") == "OK"
            assert await refused(replica, "SET", "x", 1) == ("READONLY", Failed)
            assert await refused(replica, "EXEC") == ("EXECABORT", Failed)
            await replica.call("CONFIG", "SET", "replica-serve-stale-data", "no")
            await replica.call("REPLICAOF", cluster.addresses["n1"], 1)
            assert await refused(replica, "GET", "x") == ("MASTERDOWN", Failed)

            async def lonely() -> bool:
                try:
                    await primary.call("SET", "x", 1)
                except Unanswered as problem:
                    return failure(problem, harmless=False).error["code"] == "NOREPLICAS"
                return False

            await until(lonely)
            assert await refused(primary, "SET", "x", 1) == ("NOREPLICAS", Failed)
            replica.close()
            primary.close()

    asyncio.run(main())


def test_real_errors_of_a_server_that_cannot(tmp_path: Path) -> None:
    async def main() -> None:
        made = redis()
        async with running(made, tmp_path, ["n1"]) as cluster:
            line, other = await server_of(cluster, "n1"), await server_of(cluster, "n1")
            await line.call("RPUSH", "list", 1)
            assert await refused(line, "GET", "list") == ("WRONGTYPE", Failed)
            assert await refused(line, "EVALSHA", "0" * 40, 0) == ("NOSCRIPT", Failed)
            assert await refused(line, "NONSENSE") == ("ERR", Indeterminate), "what is not known leaves it open"
            await line.call("CONFIG", "SET", "maxmemory", 1)
            assert await refused(line, "SET", "x", 1) == ("OOM", Failed)
            await line.call("CONFIG", "SET", "maxmemory", 0)
            await line.call("CONFIG", "SET", "busy-reply-threshold", 50)
            endless = asyncio.create_task(refused(other, "EVAL", "while true do end", 0))
            await asyncio.sleep(0.3)
            assert await refused(line, "SET", "x", 1) == ("BUSY", Failed)
            await line.call("SCRIPT", "KILL")
            assert (await endless)[1] is Indeterminate
            line.close()
            other.close()

    asyncio.run(main())


def test_a_server_that_is_loading_says_so(tmp_path: Path) -> None:
    async def main() -> None:
        made = redis()
        async with running(made, tmp_path, ["n1"]) as cluster:
            line = await server_of(cluster, "n1")
            await line.call("CONFIG", "SET", "appendfsync", "no")
            for _ in range(4):
                await line.calls([("SET", f"k{at}", "x" * 1000) for at in range(2_000)])
            line.close()
            await cluster.kill(["n1"])
            with (cluster.data("n1") / "redis.conf").open("a") as conf:
                conf.write("key-load-delay 500\nloading-process-events-interval-bytes 10240\n")
            await cluster.start(["n1"])
            line = await server_of(cluster, "n1")
            assert await refused(line, "GET", "k1") == ("LOADING", Failed)
            line.close()

    asyncio.run(main())


def test_one_that_never_answers_is_told_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "READY_S_MAX", 0.3)

    async def main() -> None:
        cluster = LocalCluster(tmp_path)
        with pytest.raises(NodeError, match="redis did not become ready: not every sentinel knew all others"):
            await redis().ready(cluster)
        assert await redis().primaries(cluster) == []

    asyncio.run(main())


def test_nodes_start_with_files_of_their_own() -> None:
    addresses = {"n1": "198.18.0.1", "n2": "198.18.0.2"}
    made = load("targets", "redis")(down_after="500ms", min_replicas=1)
    first, second = (made.service.daemons(node, addresses, "/data") for node in addresses)
    assert [daemon.port for daemon in (*first, *second)] == [6379, SENTINEL_PORT, 6380, SENTINEL_PORT]
    assert "replicaof" not in first[0].files["redis.conf"]
    assert "replicaof 198.18.0.1 6379\n" in second[0].files["redis.conf"]
    assert "min-replicas-to-write 1\n" in second[0].files["redis.conf"]
    for _, sentinel in (first, second):
        assert "sentinel monitor splitbrain 198.18.0.1 6379 2\n" in sentinel.files["sentinel.conf"]
        assert "sentinel down-after-milliseconds splitbrain 500\n" in sentinel.files["sentinel.conf"]
        assert "sentinel known-replica splitbrain 198.18.0.2 6380\n" in sentinel.files["sentinel.conf"]


def test_claims_can_be_judged() -> None:
    for claim in redis().claims:
        own = load("workloads", claim.workload)()
        assert claim.expect.name in own.expectations
        checker_factory(claim.expect.name)(**own.checker_options(claim.expect.name), **claim.expect.options)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"down_after": "soon"}, "redis: down_after: "),
        ({"failover_timeout": 0}, "redis: failover_timeout must lie between"),
        ({"min_replicas": -1}, "redis: min_replicas must be a whole number"),
        ({"lock": "2h"}, "redis: lock must lie between"),
    ],
)
def test_options_are_checked(options: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        redis(**options)


def test_there_is_no_client_for_what_it_does_not_serve(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="redis has no client for workload 'bank'"):
        redis().client("bank", LocalCluster(tmp_path), "n1")
