"""The workload: ask for numbers."""

from collections.abc import Mapping
from typing import Any

from harness.generators import Generator, each_thread, repeat, stagger
from harness.operation import Operation


class Increments:
    """`rate` requests per second over all workers; one more from each worker at the end."""

    name = "tiny-increments"
    model = "unique-ids"
    expectations = ("tiny-no-repeats",)

    def __init__(self, *, concurrency: int, rate: float = 50) -> None:
        self.rate = rate

    def generator(self) -> Generator:
        return stagger(1 / self.rate, repeat(Operation("next")))

    def final(self) -> Generator:
        return each_thread(Operation("next"))

    def checker_options(self, expectation: str) -> Mapping[str, Any]:
        return {}
