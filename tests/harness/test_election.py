"""Waiting until somebody comes to lead."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from harness.election import election


def waited(*answers: Sequence[str], patience_s: float) -> tuple[list[str], int]:
    """Who was elected, and how often that was asked; the last answer stays."""
    asked = 0

    async def leaders() -> Sequence[str]:
        nonlocal asked
        asked += 1
        return answers[min(asked, len(answers)) - 1]

    return asyncio.run(election(leaders, patience_s)), asked


@pytest.mark.parametrize(
    ("answers", "elected", "asked"),
    [
        ([["n1"], ["n1"], ["n2"]], ["n2"], 3),
        ([["n1"], [], [], ["n3"]], ["n3"], 4),
        ([["n1"], [], ["n1"]], ["n1"], 3),
        ([[], ["n1"]], ["n1"], 2),
        ([["n1"], ["n1", "n2"]], ["n2"], 2),
    ],
)
def test_who_leads_now_and_did_not_is_elected(answers: list[list[str]], elected: list[str], asked: int) -> None:
    assert waited(*answers, patience_s=60) == (elected, asked)


@pytest.mark.parametrize("answers", [[["n1"]], [[]], [["n1"], []]])
def test_patience_ends(answers: list[list[str]]) -> None:
    assert waited(*answers, patience_s=0.02)[0] == []


def test_patience_also_ends_where_answers_are_slow() -> None:
    async def silent() -> list[str]:
        await asyncio.sleep(0.05)
        return []

    async def elected() -> list[str]:
        async with asyncio.timeout(30):
            return await election(silent, 0.1)

    assert asyncio.run(elected()) == []
