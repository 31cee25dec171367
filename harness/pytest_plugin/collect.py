"""Claims files as tests: a file is a collector, a case is an item."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from harness.errors import UsageError
from harness.experiment import admit, resolve
from harness.gate import answer, baseline, claims_file, docket
from harness.gate.claims_file import Case
from harness.pytest_plugin.told import proof
from harness.units import duration_s
from harness.verdict import Verdict


class ClaimsFile(pytest.File):
    """A claims file. A mistake in it is an error of the collection, in the linter's words."""

    def collect(self) -> Iterator[pytest.Item]:
        try:
            cases = claims_file.load(self.path)
        except UsageError as mistake:
            raise self.CollectError(str(mistake)) from None
        for case in cases:
            yield ClaimItem.from_parent(self, name=case.name, case=case)


class Broken(Exception):
    """A case that did not pass; the text is for the user."""


class ClaimItem(pytest.Item):
    """One case of a claims file: all its runs."""

    def __init__(self, *, case: Case, **more: Any) -> None:
        super().__init__(**more)
        self.case = case

    def runtest(self) -> None:
        """Raises `Broken` unless the case passes: a claim without an answer is no success either."""
        try:
            admit(resolve(self.case.plan.model_copy(update={"expect": [self.case.expect.to_json()]})))
        except UsageError as problem:
            raise Broken(f"{self.case.where}: {problem}") from problem
        began = time.monotonic()
        settings = self._settings()
        standings = docket.conduct([self.case], settings)
        found = answer.document(self.case.file, standings, settings.accepted, settings.today, time.monotonic() - began)
        [case] = found["cases"]
        for name in ("runs", "clean", "bound"):
            self.user_properties.append((name, case[name]))
        if case["shown"]:
            self.user_properties += [(name, case["shown"][name]) for name in ("seed", "fingerprint")]
        if case["verdict"] != Verdict.PASS.value:
            raise Broken(proof(case))

    def _settings(self) -> docket.Settings:
        option = self.config.getoption
        budget, known = option("--splitbrain-budget"), option("--splitbrain-baseline")
        return docket.Settings(
            runs_root=Path(option("--splitbrain-runs")),
            workers=1 if os.environ.get("PYTEST_XDIST_WORKER") else os.cpu_count() or 1,
            budget_s=float("inf") if budget is None else duration_s(budget),
            accepted=baseline.load(Path(known)) if known else (),
            today=date.today(),
        )

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *more: Any, **still: Any) -> Any:
        """A case that did not pass, in its own words: a traceback through the harness tells nobody anything."""
        if isinstance(excinfo.value, Broken):
            return str(excinfo.value)
        return super().repr_failure(excinfo, *more, **still)

    def reportinfo(self) -> tuple[Path, int, str]:
        """The claim's line, counted from 0."""
        return self.path, self.case.line - 1, self.case.name
