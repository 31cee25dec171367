"""What the checkers of transactions share: from anomalies to the answer for one level of isolation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from checkers import levels
from checkers.second_judge import defect
from harness.checker import Anomaly, Result
from harness.errors import UsageError
from harness.verdict import Verdict

if TYPE_CHECKING:
    from harness import _core


def level_of(checker: str, level: str) -> str:
    """The lattice's name of a level that was asked for. Raises `UsageError`."""
    try:
        return levels.canonical(level)
    except KeyError:
        raise UsageError(f"{checker}: there is no level {level!r}; choose one of {', '.join(levels.LEVELS)}") from None


def final(level: str) -> frozenset[str]:
    """The anomalies that break a level and stay, however the history goes on; none where that is not certain.

    An open transaction whose writes were read counts as one that happened. If it fails in the end, a cycle through it
    is gone and an aborted read has come instead; so nothing is told early at levels that allow that. A value of nobody
    may still get its writer.
    """
    forbidden = levels.forbidden(level)
    return forbidden - {"thin-air"} if "G1a" in forbidden else frozenset()


def answer(report: _core.TransactionReport, *, model: str, level: str, seconds: float) -> Result:
    """The result for one level.

    `stats`: `txns, ok, info, failed, keys, edges, entangled` (transactions on cycles), `anomalies` (how many of each
    type, of all levels), `not` (the weakest levels broken), `also_not` (what falls with them), `strongest` (the
    strongest levels that nothing refutes), `undecided` (kinds of cycles neither found nor excluded), `seconds`.
    """
    forbidden = levels.forbidden(level)
    # Where real time counts, order within a process is a part of it, and one name is enough.
    in_real_time = any(name.endswith("-realtime") for name in forbidden)

    def told_as(name: str) -> str:
        return name.removesuffix("-process") + "-realtime" if in_real_time and name.endswith("-process") else name

    names = {told_as(name) for name in report["counts"]}
    where = levels.boundary(names)
    stats: dict[str, Any] = {
        "txns": report["txns"],
        "ok": report["ok"],
        "info": report["info"],
        "failed": report["failed"],
        "keys": report["keys"],
        "edges": report["edges"],
        "entangled": report["entangled"],
        "anomalies": dict(report["counts"]),
        "not": list(where.broken),
        "also_not": list(where.fallen),
        "strongest": list(levels.boundary(report["counts"]).strongest),
        "undecided": list(report["undecided"]),
        "seconds": round(seconds, 6),
    }
    broken = [anomaly for anomaly in report["anomalies"] if told_as(anomaly["type"]) in forbidden]
    anomalies = [_anomaly(anomaly, told_as(anomaly["type"])) for anomaly in broken]
    anomalies.sort(key=lambda anomaly: (_severity(anomaly.type), len(anomaly.ops), anomaly.ops))
    verdict, why = _judged(report, level, anomalies, stats, names & forbidden)
    return Result(verdict, f"{level} {model}", anomalies, stats, why)


def _judged(
    report: _core.TransactionReport,
    level: str,
    anomalies: Sequence[Anomaly],
    stats: dict[str, Any],
    names: set[str],
) -> tuple[Verdict, str]:
    count = f"{report['txns']:,} transaction{'' if report['txns'] == 1 else 's'}"
    strongest = " and ".join(stats["strongest"]) or "no level"
    if anomalies:
        kinds = ", ".join(sorted(names, key=_severity))
        why = (
            f"not {level}: {kinds} in {count}; the weakest level broken is {' and '.join(stats['not'])}, "
            f"the strongest not refuted {strongest}"
        )
        return Verdict.FAIL, f"{why}; {defect(report['unconfirmed'])}" if report["unconfirmed"] else why
    if report["unconfirmed"]:
        return Verdict.ERROR, defect(report["unconfirmed"])
    if report["stopped"]:
        return Verdict.INCONCLUSIVE, f"{report['stopped']}; {count}, and no anomaly that {level} forbids until then"
    if report["txns"] == 0:
        return Verdict.INCONCLUSIVE, "there is no transaction to judge"
    undecided = [name for name in report["undecided"] if name in levels.forbidden(level)]
    if undecided:
        return Verdict.INCONCLUSIVE, f"the budget was too small to find or exclude {', '.join(undecided)}"
    beyond = "" if level in stats["strongest"] else f"; the strongest level not refuted is {strongest}"
    unseen = f"; answer incomplete: {levels.UNSEEN[level]} are not looked for" if level in levels.UNSEEN else ""
    return Verdict.PASS, f"no anomaly that {level} forbids in {count}{unseen}{beyond}"


def _anomaly(anomaly: _core.TransactionAnomaly, name: str) -> Anomaly:
    steps = [dict(step) for step in anomaly["steps"]]
    details: dict[str, Any] = {"cycle": steps} if steps else {}
    if name != anomaly["type"]:
        details["within_process"] = True
    return Anomaly(name, anomaly["message"], tuple(anomaly["events"]), anomaly["key"], details)


_ORDER = ("thin-air", "duplicate-elements", "incompatible-order", "cyclic-versions", "G1a", "dirty-update", "G1b")


def _severity(name: str) -> tuple[int, int, str]:
    """Wrong data before wrong order; of orders those of data, of processes, of real time."""
    variant = 2 if name.endswith("-realtime") else 1 if name.endswith("-process") else 0
    return (_ORDER.index(name) - len(_ORDER) if name in _ORDER else variant, len(levels.implied([name])) * -1, name)
