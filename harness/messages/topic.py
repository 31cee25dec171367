"""What a violation is about, and whether a message speaks of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

ITEMS_MAX, RECORD_MAX = 100, 16
"""How much of a body is searched for a key, and how long an array or object may be that is taken for a record."""


@dataclass(frozen=True, slots=True)
class Topic:
    """What a violation is about: keys, and the values that were written to them at the time, or that it is about."""

    keys: frozenset[str]
    values: frozenset[str]

    def named_in(self, body: Any) -> bool:
        """Whether a body speaks of it: a key in a field `key`, as the name of a field, or as a text of its own; or a
        short object or array that holds both a key and one of its values, such as a record `[18, 96, "n2"]`.

        A number alone names nothing: terms and lengths are numbers, too. Of a body of more than `ITEMS_MAX` items
        only the first are looked at, breadth first.
        """
        waiting: deque[Any] = deque([body])
        left = ITEMS_MAX
        while waiting and left > 0:
            item = waiting.popleft()
            left -= 1
            if isinstance(item, str) and item in self.keys:
                return True
            if isinstance(item, dict):
                if not self.keys.isdisjoint(item) or ("key" in item and plain(item["key"]) in self.keys):
                    return True
                item = list(islice(item.values(), left))
            if isinstance(item, list):
                item = item[:left]
                if len(item) <= RECORD_MAX and self._is_record(item):
                    return True
                waiting.extend(inner for inner in item if isinstance(inner, dict | list | str))
        return False

    def _is_record(self, items: Sequence[Any]) -> bool:
        texts = [plain(item) for item in items]
        keys = {place for place, text in enumerate(texts) if text in self.keys}
        values = {place for place, text in enumerate(texts) if text in self.values}
        return bool(keys and values) and len(keys | values) > 1


def plain(item: Any) -> str | None:
    """A scalar by its text; None for what is no scalar that could be a key or a value."""
    return str(item) if type(item) in (str, int, float) else None
