"""The checker: no number is handed out twice."""

from harness.checker import Anomaly, Budget, Result
from harness.history import History
from harness.operation import Type
from harness.verdict import Verdict


class NoRepeats:
    """Reads the history once."""

    def check(self, history: History, *, budget: Budget) -> Result:
        seen: dict[object, int] = {}
        anomalies = []
        for op in history:
            if op.f != "next" or op.type is not Type.OK:
                continue
            if op.value in seen:
                message = f"{op.value} was handed out twice"
                anomalies.append(Anomaly("repeated-number", message, (seen[op.value], op.index)))
            seen[op.value] = op.index
        verdict = Verdict.FAIL if anomalies else Verdict.PASS
        return Result(verdict, "unique-ids", anomalies, {"numbers": len(seen)})
