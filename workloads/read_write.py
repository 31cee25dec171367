"""Independent registers without compare-and-set, for stores that have none (quorums, for one).

Everything else is as in `workloads.register`: every written value is new, and each worker reads every key in the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from harness.errors import UsageError
from workloads.register import Register


class ReadWrite(Register):
    """The workload. Options as for `Register`; `mix` gives shares to `read` and `write`."""

    name: ClassVar[str] = "read-write"
    model: ClassVar[str] = "register"

    def __init__(
        self,
        *,
        keys: int = 20,
        rate: float = 200,
        mix: Mapping[str, int] | None = None,
        concurrency: int = 10,
    ) -> None:
        mix = {"read": 1, "write": 1} if mix is None else mix
        super().__init__(keys=keys, rate=rate, mix=mix, concurrency=concurrency)
        if self.mix["cas"]:
            raise UsageError("read-write: mix gives shares to read and write; registers with cas are `register`")
