"""A bank: transfers keep the total, so every read of all accounts finds the same.

Operations, as in Jepsen's bank workload: `transfer` of `{from, to, amount}`, `read` returning `{account: balance}`.

    {process 0, invoke, transfer, {"from": 0, "to": 1, "amount": 3}}   {process 0, ok, ...}
    {process 1, invoke, read}     {process 1, ok, read, {"0": 7, "1": 0}}     3 are missing of 10

Without `accounts` or `total`, what most reads found is taken for right, and a violation is shown as two reads that
differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from checkers.collection import collected, count
from checkers.counter_bounds import whole
from checkers.prefixes import PrefixStream
from harness import _core
from harness.checker import Budget, Result
from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.history import History

KINDS = ("wrong-total", "wrong-accounts", "missing-balance", "negative-balance")


class Bank:
    """`bank`. `accounts` are the names (or numbers) of all accounts, `total` the sum of their balances.

    A balance below zero is a violation unless `negative_balances`.
    """

    figures: ClassVar[Mapping[str, str]] = {"audits that found a wrong total": "wrong_total"}

    def __init__(
        self,
        *,
        accounts: Sequence[str | int] | None = None,
        total: int | None = None,
        negative_balances: bool = False,
    ) -> None:
        if accounts is not None and (isinstance(accounts, str) or not all(isinstance(a, str | int) for a in accounts)):
            raise UsageError(f"bank: accounts is a list of names or numbers, not {accounts!r}")
        if not isinstance(negative_balances, bool):
            raise UsageError(f"bank: negative_balances is true or false, not {negative_balances!r}")
        self.accounts = None if accounts is None else sorted({str(account) for account in accounts})
        self.total = None if total is None else whole("bank: total", total)
        self.negative_balances = negative_balances

    def check(self, history: History, *, budget: Budget) -> Result:
        """`stats`: `reads, transfers` (acknowledged), the kinds, and `total_taken_for_right` if it was not given.

        Inconclusive without a read, or with one alone and no total to hold it against. Raises `HistoryError`.
        """
        return collected(
            "bank",
            lambda: _core.check_bank(
                history.core,
                accounts=self.accounts,
                total=self.total,
                negative_balances=self.negative_balances,
            ),
            KINDS,
            _passed,
        )

    def stream(self, so_far: Callable[[], History]) -> PrefixStream | None:
        """See `harness.streaming`. What most reads find is not known before the end, so `accounts` and `total` must
        be."""
        return None if self.accounts is None or self.total is None else PrefixStream(self, KINDS, so_far)


def _passed(stats: Mapping[str, Any]) -> str:
    return f"{count(stats['reads'], 'read')} found the same total, through {count(stats['transfers'], 'transfer')}"
