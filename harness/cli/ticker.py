"""One line that says how far something is: kept up to date on a terminal and gone at the end; where there is no
terminal, as in the log of a CI job, a line now and then."""

from __future__ import annotations

import sys
import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

REFRESH_PER_S = 4
PLAIN_EVERY_S = 10.0


class Ticker(ABC):
    """A context manager that shows its `line` while it lasts."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._plain: threading.Thread | None = None
        self._live: Live | None = None

    @abstractmethod
    def line(self) -> str:
        """The text now. Asked for from another thread."""

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._live = Live(
                console=Console(stderr=True),
                get_renderable=lambda: Text(self.line(), no_wrap=True, overflow="ellipsis"),
                refresh_per_second=REFRESH_PER_S,
                transient=True,
            )
            self._live.start()
        else:
            self._plain = threading.Thread(target=self._tell_now_and_then, daemon=True)
            self._plain.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self._over.set()
        if self._live:
            self._live.stop()
        if self._plain:
            self._plain.join()

    def _tell_now_and_then(self) -> None:
        while not self._over.wait(PLAIN_EVERY_S):
            click.echo(self.line(), err=True)
