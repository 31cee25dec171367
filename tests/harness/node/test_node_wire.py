"""Lines of JSON from strangers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.node import wire
from harness.node.wire import Lines, Malformed, decode, encode

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(), st.text(), st.dictionaries(st.text().filter(lambda k: k not in ("msg_id", "in_reply_to")), values))
def test_what_is_written_is_read_and_fits_on_one_line(source: str, dest: str, body: dict[str, Any]) -> None:
    body["type"] = "x"
    line = encode(source, dest, body)
    assert line.count(b"\n") == 1
    assert decode(line) == (source, dest, body)


@given(st.binary() | values.map(lambda value: json.dumps(value).encode()))
def test_anything_else_is_refused_in_words(line: bytes) -> None:
    with pytest.raises(Malformed):
        decode(line)


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 200_000,
        b'{"src":"a","dest":"b"}',
        b'{"src":1,"dest":"b","body":{"type":"x"}}',
        b'{"src":"a","dest":"b","body":[]}',
        b'{"src":"a","dest":"b","body":{}}',
        b'{"src":"a","dest":"b","body":{"type":3}}',
        b'{"src":"a","dest":"b","body":{"type":"x","msg_id":"5"}}',
        b'{"src":"a","dest":"b","body":{"type":"x","msg_id":true}}',
        b'{"src":"a","dest":"b","body":{"type":"x","in_reply_to":[1]}}',
        b'{"src":"a","dest":"b","body":{"type":"x","n":NaN}}',
        b'{"src":"a","dest":"b","body":{"type":"x","n":' + b"1" * 10_000 + b"}}",
        b"\xff\xfe",
    ],
)
def test_nearly_a_message_is_not_one(line: bytes) -> None:
    with pytest.raises(Malformed):
        decode(line)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"bytes", {1}])
def test_what_json_cannot_hold_is_not_sent(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        encode("a", "b", {"type": "x", "value": value})


@given(st.lists(st.binary(max_size=8).map(lambda part: part.replace(b"\r", b"\n")), max_size=20))
def test_lines_are_the_same_however_the_bytes_come(parts: list[bytes]) -> None:
    lines = Lines()
    got = [line for part in parts for line in lines.feed(part)]
    whole, _, _ = b"".join(parts).rpartition(b"\n")
    assert got == [line for line in whole.split(b"\n") if line.strip()]


def test_a_line_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "LINE_BYTES_MAX", 10)
    assert Lines().feed(b"1234567890\n12") == [b"1234567890"]
    with pytest.raises(Malformed, match="longer than 10 bytes"):
        Lines().feed(b"12345678901\n")
    lines = Lines()
    lines.feed(b"12345")
    with pytest.raises(Malformed):
        lines.feed(b"678901")
