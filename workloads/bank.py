"""A bank: transfers between accounts that must not be overdrawn, and audits that read all of them at once.

Whatever is transferred, the accounts hold the same in all; an audit that finds more or less saw money made or lost, and
a balance below zero is money spent twice (`checkers.bank`). A transfer of more than the payer has is refused, which is
an answer and no failure of the service.

Every account opens with `OPENING`, and a store keeps what was added since; so there is nothing to be paid in before
the load begins, and no run in which that was lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, ClassVar

from harness.generators import Generator, stagger
from harness.operation import Operation
from harness.options import integer, number, weights
from workloads.connected import Connected
from workloads.drawn import Drawn
from workloads.ending import final_reads
from workloads.register import RATE_MAX

FUNCTIONS = ("transfer", "read")

OPENING = 10
"""What an account holds before the first transfer. So little that payers run dry all the time."""

ACCOUNTS_MAX = 400
"""A read asks for all in one transaction."""


class Bank:
    """The workload: `transfer` of `{"from", "to", "amount"}`, and `read` of `{account: balance}` for all accounts.

    `accounts` is their number, `rate` that of operations per second over all workers, `amount` the most that is
    transferred at once; `mix` gives shares to `transfer` and `read`.
    """

    name: ClassVar[str] = "bank"
    model: ClassVar[str] = "bank"
    asks_for: ClassVar[Mapping[str, str]] = {"transfer": "transfers", "read": "audits"}
    expectations: ClassVar[Sequence[str]] = ("bank", "availability", "recovers", "converges")

    def __init__(
        self,
        *,
        accounts: int = 8,
        rate: float = 100,
        amount: int = 5,
        mix: Mapping[str, int] | None = None,
        concurrency: int = 10,
    ) -> None:
        self.accounts = integer(self.name, "accounts", accounts, min=2, max=ACCOUNTS_MAX)
        self.rate = number(self.name, "rate", rate, min=0.001, max=RATE_MAX)
        self.amount = integer(self.name, "amount", amount, min=1, max=1_000_000)
        self.mix = weights(self.name, "mix", mix or {"transfer": 3, "read": 1}, FUNCTIONS)
        self.concurrency = integer(self.name, "concurrency", concurrency, min=1, max=1_000_000)

    def generator(self) -> Generator:
        """The load, for client threads only, without end."""
        return stagger(1 / self.rate, Drawn(self._draw))

    def _draw(self, random: Random, fresh: int) -> Operation:
        if random.random() * sum(self.mix.values()) >= self.mix["transfer"]:
            return self._read()
        payer, payee = random.sample(range(self.accounts), 2)
        return Operation("transfer", None, {"from": payer, "to": payee, "amount": 1 + random.randrange(self.amount)})

    def _read(self) -> Operation:
        return Operation("read", None, list(range(self.accounts)))

    def final(self) -> Generator:
        """Every worker reads all accounts."""
        return final_reads([self._read()])

    def checker_options(self, expectation: str) -> Mapping[str, Any]:
        """Tells `bank` which accounts there are, and what they hold in all."""
        if expectation != "bank":
            return {}
        return {"accounts": list(range(self.accounts)), "total": self.accounts * OPENING}


class BankClient(Connected):
    """The workload's client for bundled stores that take transactions."""

    async def invoke(self, op: Operation) -> Operation:
        """`transfer`, or `read` of the accounts listed. Raises `Failed` or `Indeterminate` as the error says; a refused
        transfer has the payer's account as `current`."""
        if op.f == "read":
            changes = await self.transact(*(["r", _account(name), None] for name in op.value))
            return op.ok({str(name): OPENING + (change or 0) for name, change in zip(op.value, changes, strict=True)})
        payer, amount = _account(op.value["from"]), op.value["amount"]
        await self.transact(
            ["least", payer, amount - OPENING],
            ["add", payer, -amount],
            ["add", _account(op.value["to"]), amount],
        )
        return op.ok(op.value)


def _account(name: str | int) -> str:
    return f"account/{name}"
