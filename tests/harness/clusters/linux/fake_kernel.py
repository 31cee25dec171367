"""As much of nftables as the tests need: it takes a transaction whole or not at all, and lists what it has."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from typing import Any

from harness.errors import ClusterError


class FakeKernel:
    """Tables by name; of each its sets (name -> pair -> packets) and its rules, as (set, drops, comment)."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Any]] = {}

    def run(self, text: str, *, check_only: bool = False) -> None:
        before = deepcopy(self.tables)
        try:
            for line in text.splitlines():
                self._command(line)
        except (KeyError, ValueError, AssertionError) as wrong:
            self.tables = before
            raise ClusterError(f"nft: {line!r}: {wrong!r}") from wrong
        if check_only:
            self.tables = before

    def send(self, name: str, source: str, dest: str) -> bool:
        """One packet through the chain: whether it arrives. Sets with a counter count it."""
        table = self.tables[name]
        for rule_set, drops, _ in table["rules"]:
            elements = table["sets"][rule_set]
            if (source, dest) in elements:
                elements[source, dest] += 1
                if drops:
                    return False
        return True

    def listing(self, *what: str) -> str:
        if what == ("tables",):
            return json.dumps({"nftables": [{"table": {"family": "bridge", "name": name}} for name in self.tables]})
        _, _, name = what
        table = self.tables[name]
        objects: list[dict[str, Any]] = [{"metainfo": {}}, {"table": {"family": "bridge", "name": name}}]
        for set_name, elements in table["sets"].items():
            listed = [
                {"concat": list(pair)}
                if set_name == "cut"
                else {"elem": {"val": {"concat": list(pair)}, "counter": {"packets": count, "bytes": 60 * count}}}
                for pair, count in elements.items()
            ]
            objects.append({"set": {"name": set_name} | ({"elem": listed} if listed else {})})
        for _, drops, comment in table["rules"]:
            rule = {"expr": [{"match": {}}, *([{"drop": None}] if drops else [])]}
            objects.append({"rule": rule | ({"comment": comment} if comment else {})})
        return json.dumps({"nftables": objects})

    def _command(self, line: str) -> None:
        verb, kind, family, name, *rest = line.split(" ", 4)
        assert family == "bridge", family
        if (verb, kind) == ("add", "table"):
            self.tables.setdefault(name, {"sets": {}, "rules": [], "chains": set()})
            return
        if (verb, kind) == ("delete", "table"):
            del self.tables[name]
            return
        table = self.tables[name]
        thing, _, argument = rest[0].partition(" ")
        if (verb, kind) == ("add", "chain"):
            table["chains"].add(thing)
        elif (verb, kind) == ("add", "set"):
            table["sets"].setdefault(thing, {})
        elif (verb, kind) == ("delete", "set"):
            assert thing not in [used for used, _, _ in table["rules"]], "a set that a rule uses is busy"
            del table["sets"][thing]
        elif (verb, kind) == ("flush", "set"):
            table["sets"][thing].clear()
        elif (verb, kind) == ("flush", "chain"):
            assert thing in table["chains"]
            table["rules"].clear()
        elif (verb, kind) == ("add", "element"):
            for source, dest in re.findall(r"([\d.]+) \. ([\d.]+)", argument):
                table["sets"][thing].setdefault((source, dest), 0)
        elif (verb, kind) == ("add", "rule"):
            match = re.fullmatch(r'ip saddr \. ip daddr @(\w+)( drop)?(?: comment "([^"]*)")?', argument)
            assert match and thing in table["chains"] and match[1] in table["sets"], argument
            table["rules"].append((match[1], bool(match[2]), match[3]))
        else:
            raise ValueError(line)
