from __future__ import annotations

import pytest

from harness import doctor, plugins
from harness.errors import HarnessError


class Good:
    @classmethod
    def probe(cls) -> dict[str, str | None]:
        return {"available": None, "partition": None, "delay": "this kernel has no netem"}


def test_each_cluster_answers_for_each_power_and_a_broken_plugin_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(kind: str, name: str) -> type[Good]:
        assert kind == "clusters"
        if name == "broken":
            raise HarnessError("cluster 'broken' of some-package does not load")
        return Good

    monkeypatch.setattr(plugins, "names", lambda kind: ["broken", "good"])
    monkeypatch.setattr(plugins, "load", load)
    found = doctor.examine()
    assert list(found) == ["broken", "good"]
    assert all(tuple(answers) == doctor.POWERS for answers in found.values())
    assert set(found["broken"].values()) == {"cluster 'broken' of some-package does not load"}
    assert found["good"]["partition"] is None
    assert found["good"]["delay"] == "this kernel has no netem"
    assert found["good"]["clock"] == "it does not know this fault"


def test_what_depends_on_machines_is_no_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    class Elsewhere(Good):
        @classmethod
        def probe_hosts(cls, options: object) -> dict[str, object]:
            raise AssertionError("nobody named a machine")

    monkeypatch.setattr(plugins, "names", lambda kind: ["far"])
    monkeypatch.setattr(plugins, "load", lambda kind, name: Elsewhere)
    [answers] = doctor.examine().values()
    assert answers["available"] is None
    assert answers["partition"] == doctor.ASK_THE_MACHINES
