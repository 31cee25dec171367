"""etcd as a target, on real nodes: what its clients do, what its errors mean, who leads."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.client import Client, Failed, Indeterminate
from harness.errors import NodeError, UnknownName, UsageError
from harness.experiment import checker_factory
from harness.operation import Operation
from harness.plugins import load
from targets.etcd import etcd, target
from tests.targets.local import LocalCluster, needs, running, until
from tests.targets.told import asked, told

pytestmark = needs("etcd")

FAST: dict[str, Any] = {"election_ms": 300, "heartbeat_ms": 30}


def test_each_workload_is_served_as_its_own_words_say(tmp_path: Path) -> None:
    async def main() -> None:
        made = etcd(**FAST)
        async with running(made, tmp_path) as cluster:
            for workload, expected in SERVED.items():
                client = made.client(workload, cluster, "n2")
                assert isinstance(client, Client)
                await client.open()
                answers = await told(client, *(op for op, _ in expected))
                assert answers == [answer for _, answer in expected], workload
                await client.close()

    asyncio.run(main())


SERVED: dict[str, Sequence[tuple[Operation, Any]]] = {
    "register": (
        (Operation("read", 1), None),
        (Operation("cas", 1, [4, 5]), (Failed, {"current": None})),
        (Operation("write", 1, 5), 5),
        (Operation("cas", 1, [5, 6]), [5, 6]),
        (Operation("cas", 1, [5, 7]), (Failed, {"current": 6})),
        (Operation("read", 1), 6),
        (Operation("read", 11), None),
        (Operation("swap", 1), (Failed, {"type": "unknown", "text": "there is no operation 'swap' here"})),
    ),
    "append": (
        (
            Operation("txn", None, [["r", 1, None], ["append", 1, 3], ["r", 1, None], ["append", 2, 4]]),
            [["r", 1, []], ["append", 1, 3], ["r", 1, [3]], ["append", 2, 4]],
        ),
        (Operation("txn", None, [["append", 1, 5]]), [["append", 1, 5]]),
        (Operation("txn", None, [["r", 1, None], ["r", 2, None], ["r", 3, None], ["r", 1, None]]),
         [["r", 1, [3, 5]], ["r", 2, [4]], ["r", 3, []], ["r", 1, [3, 5]]]),
    ),
    "set": (
        (Operation("add", 1, 5), 5),
        (Operation("add", 1, 70), 70),
        (Operation("add", 11, 6), 6),
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


def test_a_transaction_that_meets_a_change_fails_and_changes_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        made = etcd(**FAST)
        async with running(made, tmp_path, ["n1"]) as cluster:
            clients = [made.client("append", cluster, "n1") for _ in range(8)]
            ops = [Operation("txn", None, [["append", 1, element]]) for element in range(8)]
            answers = await asyncio.gather(*(told(client, op) for client, op in zip(clients, ops, strict=True)))
            held = {answer[0][0][2] for answer in answers if isinstance(answer[0], list)}
            failed = [answer[0][1]["type"] for answer in answers if isinstance(answer[0], tuple)]
            assert held and failed and set(failed) == {"conflict"}
            [[[_, _, found]]] = await told(clients[0], Operation("txn", None, [["r", 1, None]]))
            assert sorted(found) == sorted(held)
            for client in clients:
                await client.close()

    asyncio.run(main())


def test_a_lock_with_a_lease_goes_by_itself(tmp_path: Path) -> None:
    async def main() -> None:
        made = etcd(lease="1s", **FAST)
        async with running(made, tmp_path, ["n1"]) as cluster:
            client = made.client("lock", cluster, "n1")
            assert await told(client, Operation("acquire", 1, 7)) == [7]

            async def gone() -> bool:
                return await told(client, Operation("acquire", 1, 8)) == [8]

            await until(gone)
            await client.close()

    asyncio.run(main())


def test_nobody_there_is_definite_and_a_node_that_dies_meanwhile_is_not_but_for_reads(tmp_path: Path) -> None:
    async def main() -> None:
        made = etcd(**FAST)
        async with running(made, tmp_path) as cluster:
            writer, reader = (made.client("register", cluster, "n1") for _ in range(2))
            assert await told(writer, Operation("write", 1, 5)) == [5]
            assert await told(reader, Operation("read", 1)) == [5]
            await cluster.pause(["n2", "n3"])
            waiting = [
                asyncio.create_task(told(client, op))
                for client, op in ((writer, Operation("write", 1, 6)), (reader, Operation("read", 1)))
            ]
            await asyncio.sleep(0.5)
            await cluster.kill(["n1"])
            [[(write, why)], [(read, _)]] = await asyncio.gather(*waiting)
            assert (write, read) == (Indeterminate, Failed)
            assert why["type"] == "broken"
            [(kind, error)] = await told(writer, Operation("write", 1, 7))
            assert (kind, error["type"]) == (Failed, "not-sent")
            await cluster.resume(["n2", "n3"])
            await cluster.start(["n1"])
            await made.ready(cluster)
            assert (await told(writer, Operation("read", 1)))[0] in (5, 6), "the same client goes on"
            await writer.close()
            await reader.close()

    asyncio.run(main())


@pytest.mark.timeout(120)
def test_without_a_majority_writes_are_open_reads_fail_and_serializable_reads_are_answered(tmp_path: Path) -> None:
    async def main() -> None:
        made, lenient = etcd(**FAST), etcd(serializable=True, **FAST)
        async with running(made, tmp_path) as cluster:
            assert await asked(made, cluster, "n1", "register", Operation("write", 1, 5)) == [5]
            assert await asked(made, cluster, "n1", "register", Operation("read", 1)) == [5]
            await cluster.pause(["n2", "n3"])
            expected = [
                (made, "register", Operation("write", 1, 6), Indeterminate),
                (made, "register", Operation("cas", 1, [5, 7]), Indeterminate),
                (made, "register", Operation("read", 1), Failed),
                (made, "append", Operation("txn", None, [["append", 1, 1]]), Failed),
                (made, "set", Operation("add", 1, 1), Indeterminate),
                (made, "lock", Operation("acquire", 1, 1), Indeterminate),
            ]
            answers = await asyncio.gather(
                *(asked(one, cluster, "n1", workload, op) for one, workload, op, _ in expected)
            )
            for (_, workload, op, outcome), [(kind, error)] in zip(expected, answers, strict=True):
                assert kind is outcome, (workload, op.f, error)
                assert "request timed out" in error["text"], error
            assert await asked(lenient, cluster, "n1", "register", Operation("read", 1)) == [5]
            assert await made.primaries(cluster) in ([], ["n1"])
            await cluster.resume(["n2", "n3"])

    asyncio.run(main())


def test_what_etcd_refuses_as_it_comes_in_is_definite(tmp_path: Path) -> None:
    async def main() -> None:
        made = etcd(**FAST)
        async with running(made, tmp_path, ["n1"]) as cluster:
            client = made.client("append", cluster, "n1")
            long = Operation("txn", None, [["append", 1, 10**18 + at] for at in range(100_000)])
            [(kind, error)] = await told(client, long)
            assert (kind, error["text"]) == (Failed, "etcdserver: request is too large")
            wide = Operation("txn", None, [["append", at, at] for at in range(129)])
            [(kind, error)] = await told(client, wide)
            assert (kind, error["text"]) == (Failed, "etcdserver: too many operations in txn request")
            assert await told(client, Operation("txn", None, [["r", 1, None]])) == [[["r", 1, []]]]
            await client.close()

    asyncio.run(main())


def test_one_leads_and_another_when_that_one_dies(tmp_path: Path) -> None:
    async def main() -> None:
        made = etcd(**FAST)
        async with running(made, tmp_path) as cluster:
            [leader] = await until(lambda: made.primaries(cluster))
            await cluster.kill([leader])
            found = await until(lambda: made.primaries(cluster))
            assert found != [leader]
            await cluster.start([leader])
            await made.ready(cluster)
            assert len(await until(lambda: made.primaries(cluster))) == 1
            await cluster.pause(found)
            assert found[0] not in await made.primaries(cluster), "a paused node answers nobody"
            await cluster.resume(found)

    asyncio.run(main())


def test_one_that_never_answers_is_told_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "READY_S_MAX", 0.3)

    async def main() -> None:
        cluster = LocalCluster(tmp_path)
        with pytest.raises(NodeError, match="etcd did not become ready: not every node answered a read"):
            await etcd().ready(cluster)

    asyncio.run(main())


def test_the_start_line_is_that_of_the_manual() -> None:
    addresses = {"n1": "198.18.0.1", "n2": "198.18.0.2"}
    made = load("targets", "etcd")(snapshot_count=77)
    [daemon] = made.service.daemons("n2", addresses, "/data")
    assert daemon.port == 2379
    assert daemon.argv == ("etcd", "--config-file", "/data/etcd.yml")
    config = json.loads(daemon.files["etcd.yml"])
    assert config["name"] == "n2"
    assert config["initial-cluster"] == "n1=http://198.18.0.1:2380,n2=http://198.18.0.2:2380"
    assert config["listen-client-urls"] == "http://198.18.0.2:2379"
    assert config["data-dir"].startswith("/data/")
    assert (config["initial-cluster-state"], config["snapshot-count"]) == ("new", 77)


async def done(change: Awaitable[None]) -> bool:
    """Whether a change was made: etcd refuses it while not all members have been connected for 5 s."""
    try:
        await change
    except Failed as refused:
        assert refused.error["text"] in ("etcdserver: unhealthy cluster", "no node says that it leads")
        return False
    return True


@pytest.mark.timeout(180)
def test_a_member_leaves_and_comes_back_with_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        made = etcd(**FAST)
        async with running(made, tmp_path) as cluster:
            assert await asked(made, cluster, "n1", "register", Operation("write", 1, 5)) == [5]
            [leader] = await until(lambda: made.primaries(cluster))
            [other, *_] = [node for node in cluster.nodes if node != leader]
            for node in (leader, other):
                await until(lambda node=node: done(made.membership.leave(cluster, node)), 30)

                async def gone(node: str = node) -> bool:
                    try:
                        return node not in await made.membership.members(cluster)
                    except NodeError:
                        return False

                await until(gone)
                [(kind, error)] = await asked(made, cluster, node, "register", Operation("read", 1))
                assert (kind, error["type"]) == (Failed, "not-sent")

                await until(lambda node=node: done(made.membership.join(cluster, node)), 30)
                await made.ready(cluster)
                assert sorted(await made.membership.members(cluster)) == ["n1", "n2", "n3"]
                assert await asked(made, cluster, node, "register", Operation("read", 1)) == [5]
                await cluster.kill([node])
                await cluster.start([node])
                await made.ready(cluster)
            with pytest.raises(Failed, match="n9 is no member"):
                await made.membership.leave(cluster, "n9")

    asyncio.run(main())


@pytest.mark.parametrize("options", [{}, {"serializable": True}, {"lease": "5s"}], ids=str)
def test_claims_can_be_judged_and_say_less_where_an_option_takes_it_away(options: dict[str, Any]) -> None:
    made = etcd(**options)
    claimed = {claim.workload: claim.expect for claim in made.claims}
    for workload, expect in claimed.items():
        own = load("workloads", workload)()
        assert expect.name in own.expectations
        checker_factory(expect.name)(**own.checker_options(expect.name), **expect.options)
    assert ("register" in claimed) is ("serializable" not in options)
    assert ("lock" in claimed) is ("lease" not in options)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"serializable": "yes"}, "etcd: serializable is true or false, not 'yes'"),
        ({"lease": 0}, "etcd: lease must lie between 1 s and 3600 s"),
        ({"election_ms": 100}, "at least five times heartbeat_ms, not 100"),
        ({"heartbeat_ms": True}, "etcd: heartbeat_ms must be a whole number"),
        ({"snapshot_count": 0}, "etcd: snapshot_count must be a whole number"),
    ],
)
def test_options_are_checked(options: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        etcd(**options)


def test_there_is_no_client_for_what_it_does_not_serve(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="etcd has no client for workload 'bank': it has register, append, set, lock"):
        etcd().client("bank", LocalCluster(tmp_path), "n1")
