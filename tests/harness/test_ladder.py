"""The models that histories are held to."""

from __future__ import annotations

from harness import plugins
from harness.ladder import LADDER


def test_every_rung_names_checkers_that_exist() -> None:
    assert {name for rung in LADDER for name in rung.checkers} <= set(plugins.names("checkers"))
