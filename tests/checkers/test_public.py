"""What somebody needs who only has a history: `from checkers import ...`, as the documentation shows it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import checkers
from checkers import Budget, History, Steps, Table, UsageError, Verdict, check
from tests.checkers.lines import done, history

DOCUMENT = Path(__file__).parents[2] / "docs" / "checkers.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)


def test_the_surface_is_one_screen() -> None:
    public = {name for name, value in vars(checkers).items() if not name.startswith("_")}
    modules = {name for name in public if type(getattr(checkers, name)).__name__ == "module"}
    assert public - modules - {"annotations", "Any"} == set(checkers.__all__)
    assert sorted(checkers.__all__, key=lambda name: (not name.isupper(), name.islower(), name)) == checkers.__all__
    assert len(Path(checkers.__file__).read_text().splitlines()) < 80


def test_the_documented_examples_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = EXAMPLES
    exec(first, {})
    assert "stale-read x Process 1" in capsys.readouterr().out
    names: dict[str, object] = {}
    exec(second, names)
    for model in (names["as_function"], names["as_table"]):
        assert isinstance(model, Steps | Table)
        assert check(history(done(0, "set") + done(1, "look", "null", "true")), model).verdict is Verdict.PASS
        assert check(history(done(0, "set") + done(1, "look", "null", "false")), model).verdict is Verdict.FAIL
        crashed = "0 invoke set\n0 info set\n"
        for seen in ("false", "true"):
            assert check(history(crashed + done(1, "look", "null", seen)), model).verdict is Verdict.PASS


def test_tuples_are_a_model_of_ones_own_to_interpret() -> None:
    def pairs(state: object, f: str, argument: object, result: object) -> object:
        assert argument == ["k", None]
        return state

    keyed = history(done(0, "touch", '["k",null]'))
    assert check(keyed, Steps(0, pairs)).verdict is Verdict.PASS  # type: ignore[arg-type]


def test_wrong_questions() -> None:
    one = history(done(0, "write", "1"))
    for model, options, message in (
        ("nonsense", {}, "no model 'nonsense'"),
        ("register", {"level": "nonsense"}, "choose one of linearizable"),
        ("list-append", {"level": "nonsense"}, "there is no level 'nonsense'"),
        ("queue", {"level": "causal"}, "register and cas-register only"),
        ("bank", {"nonsense": 1}, "nonsense"),
        (7, {}, "initial, reads and step"),
    ):
        with pytest.raises(UsageError, match=message):
            check(one, model, **options)  # type: ignore[arg-type]


def test_out_of_budget_is_told_with_what_was_established() -> None:
    """One key that is too hard for the time given, and one that is not."""
    hard = "".join(f"{p} invoke append@hard {'x' * (p + 1)!r}\n".replace("'", '"') for p in range(40))
    hard += "".join(f"{p} ok append@hard {'x' * (p + 1)!r}\n".replace("'", '"') for p in range(40))
    hard += done(0, "get@hard", "null", '"' + "x" * 819 + 'y"')
    result = check(history(hard + done(1, "put@easy", '"v"')), "kv", budget=Budget(0.5, 50_000_000))
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "1 of 2 keys undecided, the others linearizable; key hard: out of" in result.why
    assert [key["key"] for key in result.stats["undecided"]] == ["hard"]
    assert result.stats["seconds"] < 5


def test_history_is_the_one_of_the_harness() -> None:
    from harness.history import History as Same

    assert History is Same
