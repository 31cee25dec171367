"""The CP store on Raft, `targets.toys.raft`."""

from __future__ import annotations

from harness.claims import Claim
from harness.errors import UsageError
from harness.options import integer, number
from harness.target import NodeService
from targets.bundled.promises import FAULTS, in_turn, promise, strict, trial
from targets.bundled.raft_membership import RaftMembership
from targets.toy import EVERYTHING, Planted, Toy


def raft(
    *,
    election_ms: float = 300,
    heartbeat_ms: float = 60,
    batch_ms: float = 4,
    snapshot_records: int = 2000,
    bug: str | None = None,
) -> Toy:
    """Options as for its class; `bug` plants one of `splitbrain list bugs`."""
    election = number("raft", "election_ms", election_ms, min=10, max=60_000)
    heartbeat = number("raft", "heartbeat_ms", heartbeat_ms, min=1, max=60_000)
    batch = number("raft", "batch_ms", batch_ms, min=0, max=1_000)
    snapshot = integer("raft", "snapshot_records", snapshot_records, min=1, max=1_000_000)
    if election < 3 * heartbeat:
        raise UsageError(f"raft: election_ms must be at least three times heartbeat_ms, not {election:g}")
    options = {"election_ms": round(election), "heartbeat_ms": round(heartbeat), "batch_ms": batch}
    options["snapshot_records"] = snapshot
    return Toy(
        "raft",
        NodeService("targets.toys.raft:Raft", options=options),
        CLAIMS,
        workloads=EVERYTHING,
        bugs=BUGS,
        trials=TRIALS,
        membership=RaftMembership(),
    ).with_bug(bug)


CLAIMS: tuple[Claim, ...] = (
    *strict("raft", EVERYTHING, (*FAULTS, "membership")),
    promise(
        "raft-majority-available",
        {"availability": {"min": 0.99, "side": "majority", "after": 2}},
        "partition",
        "clock",
    ),
)

KILLS = {"interval": "1500ms", "targets": ["minority", "majority", "all", "primaries"]}

UNRULY = {"duplicate": 0.5, "reorder": 0.5, "behaviours": ["duplicate", "reorder"], "targets": "all"}

CONTENDED = {"election_ms": 150, "heartbeat_ms": 50}
"""Elections that several stand in, where a message takes as long as a server waits for a leader."""

UNSETTLED = {
    "pause": {"interval": "500ms", "targets": ["primaries", "one"]},
    "partition": {"interval": "400ms", "grudges": ["primaries", "primaries", "one"], "when": "election"},
    "kill": {"interval": "150ms", "targets": ["followers", "one"], "when": "election"},
    "packet": {"interval": "3s", "behaviours": ["delay"], "delay": "30ms", "jitter": "20ms", "targets": "all"},
}
"""Leaders are paused; whoever is elected in their place is often cut off before it was heard, and those that elected it
restarted before they hear another."""

SNAPSHOTS = {"snapshot_records": 40}
"""Often enough that servers which were down or cut off for a second come back to a leader that has to send its own."""

TRIALS = (
    trial(
        "append",
        {
            "kill": {"interval": "600ms", "targets": ["one", "minority", "all"]},
            "packet": {"interval": "1s", "behaviours": ["duplicate"], "duplicate": 0.7, "targets": "all"},
        },
        {"keys": 4, "rate": 60},
        store={"snapshot_records": 15, "batch_ms": 0},
        timeout="500ms",
        time="10s",
    ),
    trial(
        "register",
        {
            "partition": {"interval": "1s", "grudges": ["primaries", "one"]},
            "packet": {"interval": "1s", **UNRULY},
        },
        {"keys": 4, "rate": 200},
        store={"batch_ms": 0},
        nodes=3,
        timeout="500ms",
    ),
    trial("register", {"partition": {"interval": "3s", "grudges": ["one_way", "bridge"]}}, {"rate": 30}, time="32s"),
    *in_turn(
        trial(
            "register",
            {
                "partition": {"interval": "1s", "grudges": ["primaries", "one", "halves"]},
                "packet": {"interval": "2s", "behaviours": ["duplicate", "reorder", "loss"]},
            },
            {"keys": 4, "rate": 200},
            store=SNAPSHOTS,
            time="16s",
        ),
        trial(
            "register",
            {"kill": KILLS, "packet": {"interval": "1s"}},
            {"keys": 4, "rate": 100},
            store=SNAPSHOTS,
            timeout="500ms",
        ),
    ),
    trial(
        "append",
        UNSETTLED,
        {"keys": 8, "rate": 200, "length": 2},
        store=CONTENDED,
        nodes=3,
        timeout="500ms",
        time="24s",
    ),
    *in_turn(
        trial(
            "append",
            {
                "kill": {"interval": "600ms", "targets": ["primaries"]},
                "packet": {
                    "interval": "3s",
                    "behaviours": ["delay"],
                    "delay": "100ms",
                    "jitter": "20ms",
                    "targets": "all",
                },
            },
            {"keys": 8, "rate": 200, "length": 2},
            store=CONTENDED,
            timeout="500ms",
            time="10s",
        ),
        trial(
            "register",
            {
                "membership": {"interval": "3s", "patience": "3s", "targets": "one"},
                "partition": {"interval": "1s", "grudges": ["halves", "majority"]},
            },
            {"keys": 4, "rate": 100},
            store=SNAPSHOTS,
            nodes=6,
            timeout="500ms",
            time="20s",
        ),
    ),
    *in_turn(
        *(
            trial(
                workload,
                {"partition": {"interval": "2s"}, "kill": {"interval": "2s"}, "packet": {"interval": "2s"}},
                {"rate": 50},
                store=SNAPSHOTS,
            )
            for workload in EVERYTHING
            if workload != "register"
        )
    ),
)

BUGS = (
    Planted(
        "stale-leader-reads",
        "a leader serves reads without asking whether it still leads, so a deposed one serves old values",
        ("non-linearizable", "linearizable"),
        node_class="targets.toys.raft_bugs:StaleLeaderReads",
    ),
    Planted(
        "unsynced-promises",
        "servers vote and acknowledge entries before they are durable, so a restart takes back what was promised",
        ("non-linearizable", "linearizable"),
        node_class="targets.toys.raft_bugs:UnsyncedPromises",
    ),
    Planted(
        "commits-old-terms",
        "a follower commits what its log holds of a deposed leader's term, so servers come to hold different values",
        ("non-linearizable", "linearizable"),
        node_class="targets.toys.raft_bugs:CommitsOldTerms",
    ),
    Planted(
        "truncates-for-old-messages",
        "a follower cuts its log back to what a delayed message says, and loses entries it has acknowledged",
        ("non-linearizable", "linearizable"),
        node_class="targets.toys.raft_bugs:TruncatesForOldMessages",
    ),
    Planted(
        "applies-repeats",
        "a command that the network delivered twice is done twice, so an overwritten value comes back",
        ("non-linearizable", "linearizable", "duplicate-elements", "strict-serializable"),
        node_class="targets.toys.raft_bugs:AppliesRepeats",
    ),
    Planted(
        "votes-twice",
        "a server gives its vote to whoever asks, also a second time in a term, so a term has two leaders",
        ("non-linearizable", "linearizable", "strict-serializable", "set-full"),
        node_class="targets.toys.raft_bugs:VotesTwice",
    ),
    Planted(
        "forgets-votes",
        "a restart takes the term and the vote back to what the log tells, so a server votes twice in a term",
        ("non-linearizable", "linearizable", "strict-serializable", "set-full"),
        node_class="targets.toys.raft_bugs:ForgetsVotes",
    ),
    Planted(
        "snapshots-without-memory",
        "snapshots leave out which commands were done, so one that the network delivers twice is done twice behind it",
        ("non-linearizable", "linearizable", "duplicate-elements", "strict-serializable", "set-full"),
        node_class="targets.toys.raft_bugs:SnapshotsWithoutMemory",
    ),
    Planted(
        "snapshots-without-tail",
        "the journal is cut down to the snapshot, and with it what was acknowledged after that",
        ("non-linearizable", "linearizable", "duplicate-elements", "strict-serializable", "set-full"),
        node_class="targets.toys.raft_bugs:SnapshotsWithoutTail",
    ),
    Planted(
        "counts-who-left",
        "a server that has left still counts, so it and a leader outvote those that stay",
        ("non-linearizable", "linearizable"),
        node_class="targets.toys.raft_bugs:CountsWhoLeft",
    ),
    Planted(
        "deaf-leader",
        "a leader that can speak and not hear stays in office, so nobody is served while the cut lasts",
        ("unavailable", "availability"),
        node_class="targets.toys.raft_bugs:DeafLeader",
    ),
)
