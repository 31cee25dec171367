"""Pictures of cycles."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from checkers.cycles import COLOURS, draw

SVG = "{http://www.w3.org/2000/svg}"


def steps(kinds: list[str]) -> list[dict[str, object]]:
    count = len(kinds)
    return [
        {"from": at, "to": (at + 1) % count, "kind": kind, "key": '<x"&>', "why": 'because <of> & "that"'}
        for at, kind in enumerate(kinds)
    ]


@pytest.mark.parametrize("kinds", [["ww", "rw"], ["wr", "process", "rw"], sorted(COLOURS) * 3])
def test_a_box_a_transaction_and_an_arrow_an_edge(kinds: list[str]) -> None:
    texts = {at: f'[["append","</svg><script>",{at}]]' + "z" * 50 for at in range(len(kinds))}
    root = ElementTree.fromstring(draw(steps(kinds), texts))
    assert len(root.findall(f".//{SVG}rect")) == len(kinds)
    arrows = [path for path in root.iter(f"{SVG}path") if path.get("marker-end")]
    assert [path.get("stroke") for path in arrows] == [COLOURS[kind] for kind in kinds]
    assert not root.findall(f".//{SVG}script")
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for box in root.iter(f"{SVG}rect"):
        assert 0 <= float(box.attrib["x"]) <= width - float(box.attrib["width"])
        assert 0 <= float(box.attrib["y"]) <= height - float(box.attrib["height"])
    assert draw(steps(kinds), texts) == draw(steps(kinds), texts)


def test_nothing_is_no_cycle() -> None:
    with pytest.raises(ValueError, match="at least one step"):
        draw([], {})
