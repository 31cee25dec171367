"""The CP store without a leader, `targets.toys.paxos`."""

from __future__ import annotations

from harness.claims import Claim
from harness.options import number
from harness.target import NodeService
from targets.bundled.promises import in_turn, promise, strict, trial
from targets.toy import REGISTERS, Planted, Toy


def paxos(*, round_ms: float = 400, bug: str | None = None) -> Toy:
    """Options as for its class; `bug` plants one of `splitbrain list bugs`."""
    options = {"round_ms": number("paxos", "round_ms", round_ms, min=10, max=10_000)}
    return Toy(
        "paxos",
        NodeService("targets.toys.paxos:Paxos", options=options),
        CLAIMS,
        workloads=REGISTERS,
        bugs=BUGS,
        trials=TRIALS,
    ).with_bug(bug)


CLAIMS: tuple[Claim, ...] = (
    *strict("paxos", REGISTERS),
    promise(
        "paxos-majority-available",
        {"availability": {"min": 0.99, "side": "majority", "after": 2}},
        "partition",
        "clock",
    ),
)

LOAD = {"keys": 2, "rate": 200, "mix": {"read": 6, "write": 3, "cas": 1}}
OFTEN = {"interval": "2s"}

POWER = {**OFTEN, "targets": ["primaries", "minority", "all"]}

TRIALS = (
    trial("register", {"partition": OFTEN, "kill": OFTEN, "pause": OFTEN, "clock": OFTEN}, LOAD),
    trial("register", {"packet": OFTEN, "disk": OFTEN, "power": POWER}, LOAD),
    *in_turn(
        *(
            trial(workload, {"partition": OFTEN, "kill": OFTEN}, {"rate": 50})
            for workload in REGISTERS
            if workload != "register"
        )
    ),
)

UNDONE = ("stale-read", "non-linearizable", "forked-cas")

BUGS = (
    Planted(
        "accepts-lower-ballots",
        "an acceptor takes whatever it is asked to accept, so two proposers succeed and one write is lost",
        UNDONE,
        node_class="targets.toys.paxos_bugs:AcceptsLowerBallots",
    ),
    Planted(
        "takes-any-accepted",
        "a proposer goes on from the first state it is told, not the one of the highest ballot, and undoes writes",
        UNDONE,
        node_class="targets.toys.paxos_bugs:TakesAnyAccepted",
    ),
    Planted(
        "shared-ballots",
        "a ballot does not say whose it is, so two proposers win the same one",
        UNDONE,
        node_class="targets.toys.paxos_bugs:SharedBallots",
    ),
    Planted(
        "forgets-in-restart",
        "an acceptor forgets in a restart what it promised and accepted, so what a majority decided is lost",
        UNDONE,
        node_class="targets.toys.paxos_bugs:ForgetsInRestart",
    ),
    Planted(
        "flushes-later",
        "an acceptor answers before it syncs, so acknowledged writes go with the power of a majority",
        UNDONE,
        node_class="targets.toys.paxos_bugs:FlushesLater",
    ),
    Planted(
        "reads-unfinished",
        "a read returns what is not decided yet and does not finish it, so the next read misses it",
        ("stale-read",),
        node_class="targets.toys.paxos_bugs:ReadsUnfinished",
    ),
    Planted(
        "tries-again-blindly",
        "a write that lost its ballot is done again, though another proposer has finished it",
        ("aborted-read", *UNDONE),
        node_class="targets.toys.paxos_bugs:TriesAgainBlindly",
    ),
)
