"""Faults as the history tells them: spans, evidence, and who could still talk to whom.

A nemesis leaves two op pairs per fault: `start-<family>` and `stop-<family>`, both completed as `info`. Their values
are JSON objects:

    start, invoked    {"fault": "partition-1", "draw": {"grudge": "majority"}}
    start, completed  {"fault": ..., "draw": ..., "resolved": {"drops": {"n3": ["n1", "n2"]}},
                       "nodes": {"n3": EVIDENCE}}
    stop, invoked     {"fault": "partition-1"}
    stop, completed   {"fault": ..., "nodes": {"n3": EVIDENCE}}

EVIDENCE is `{"status": "applied" | "skipped" | "indeterminate", "measured": {...}, "why": "..."}`. `resolved` says whom
it hit: partitions give `drops`, a directed map from a node to those whose messages it does not receive; all others give
`nodes`, a list of names. The span of a fault in force runs from the completion of `start` to the invocation of `stop`.

A completion with an `error` says that the injection or the healing itself went wrong: nobody knows what it left in
force. A fault may be healed more than once; the first `stop` ends its window, the first that surely worked ends its
outer bound.
"""

from harness.faults.bite import CUTS, STOPS
from harness.faults.evidence import Evidence, Status
from harness.faults.fault import Fault, FaultSpan, Injection
from harness.faults.marks import load_end_ns, nemesis_ops, phases
from harness.faults.reading import spans

__all__ = [
    "CUTS",
    "STOPS",
    "Evidence",
    "Fault",
    "FaultSpan",
    "Injection",
    "Status",
    "load_end_ns",
    "nemesis_ops",
    "phases",
    "spans",
]
