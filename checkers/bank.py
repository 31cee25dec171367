"""A bank: transfers keep the total, so every read of all accounts finds the same.

Operations, as in Jepsen's bank workload: `transfer` of `{from, to, amount}`, `read` returning `{account: balance}`.

    {process 0, invoke, transfer, {"from": 0, "to": 1, "amount": 3}}   {process 0, ok, ...}
    {process 1, invoke, read}     {process 1, ok, read, {"0": 7, "1": 0}}     3 are missing of 10

Without `accounts` or `total`, what most reads found is taken for right, and a violation is shown as two reads that
differ.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from checkers.collection import collected, count
from checkers.counter_bounds import whole
from checkers.prefixes import PrefixStream
from checkers.requests import Request, requests
from harness import _core
from harness.checker import Budget, Result
from harness.errors import UsageError
from harness.faults import phases

if TYPE_CHECKING:
    from harness.history import History

KINDS = ("wrong-total", "wrong-accounts", "missing-balance", "negative-balance")


class Bank:
    """`bank`. `accounts` are the names (or numbers) of all accounts, `total` the sum of their balances.

    A balance below zero is a violation unless `negative_balances`.
    """

    figures: ClassVar[Mapping[str, str]] = {
        "units of money made": "money_made",
        "units of money lost": "money_lost",
        "audits that found a wrong total": "wrong_total",
        "audits that found an account overdrawn": "negative_balance",
    }

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
        """`stats`: `reads, transfers` (acknowledged), the kinds, and `total_taken_for_right` if it was not given; where
        it was, `money_made` and `money_lost`: by how much the final reads exceed it, and fall short of it, at most.

        Inconclusive without a read, or with one alone and no total to hold it against. Raises `HistoryError`.
        """
        result = collected(
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
        return replace(result, stats={**result.stats, **self._ending(history)})

    def _ending(self, history: History) -> dict[str, int | None]:
        """What the final reads say of the total; None without any, or without a total to hold them against."""
        mark = phases(history).get("final")
        if mark is None or self.total is None:
            return {"money_made": None, "money_lost": None}
        end = history.select(range(bisect_left(history.column("index"), mark.index), len(history)))
        off = [sum(read.got.values()) - self.total for read in requests(end, "transfer", "read") if _is_whole(read)]
        return {
            "money_made": max(0, *off) if off else None,
            "money_lost": -min(0, *off) if off else None,
        }

    def stream(self, so_far: Callable[[], History]) -> PrefixStream | None:
        """See `harness.streaming`. What most reads find is not known before the end, so `accounts` and `total` must
        be."""
        return None if self.accounts is None or self.total is None else PrefixStream(self, KINDS, so_far)


def _is_whole(request: Request) -> bool:
    """Whether this is a read that found a balance in every account."""
    if request.f != "read" or not request.ok or not isinstance(request.got, dict):
        return False
    return all(isinstance(balance, int) for balance in request.got.values())


def _passed(stats: Mapping[str, Any]) -> str:
    return f"{count(stats['reads'], 'read')} found the same total, through {count(stats['transfers'], 'transfer')}"
