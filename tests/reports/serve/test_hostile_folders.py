"""A runs folder that was made to do harm: no page breaks, none carries script, and nobody waits."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.reports.markup import Element
from tests.reports.serve.folders import Answer, Server, judged
from tests.reports.test_html import HOSTILE

NAMES = (
    '"><script>alert(1)</script>'.replace("/", "∕"),
    "' onerror='alert(1)",
    "{{ 7 * 7 }}",
    "%2e%2e%2f",
    "a b?c#d&e=f",
    "naïve ☃",
    "-rf",
    "CON",
)
RUN = "20260102T030405-7"
SECRET = "the contents of a file outside"
ADDRESSES = ("/", "/trends", "/gates", "/campaigns", "/compare")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "secret").write_text(SECRET, encoding="utf-8")
    root = folder / "runs"
    for name in NAMES:
        judged(root, name, RUN, target=name)
    for number, text in enumerate(HOSTILE):
        claim = {
            "id": text,
            "expect": {text: text},
            "verdict": "fail",
            "why": text,
            "stats": {"judged": {"share": 0.5}},
        }
        fields = dict.fromkeys(("target", "workload", "cluster", "problem"), text)
        judged(root, f"hostile{number}", RUN, claims=[claim], faults=[{"family": text}], verdict="fail", **fields)
    odd = judged(root, "odd", "files")
    for name in ("history.arrow", "report.html", "plan.yaml"):
        os.mkfifo(odd / name)
    linked = judged(root, "odd", "links")
    for name in ("history.arrow", "report.html", "plan.yaml", "verdict.json.part"):
        (linked / name).symlink_to(folder / "secret")
    (root / "odd" / "elsewhere").symlink_to(folder)
    torn = judged(root, "odd", "torn")
    (torn / "verdict.json").write_bytes(b'{"verdict": "pass", "target": "ra')
    (torn / "report.html").write_bytes(b"<script>alert(1)</script>")
    (torn / "history.arrow").write_bytes(b"ARROW1")
    (torn / "plan.yaml").write_bytes(b"target: [")
    huge = judged(root, "odd", "huge")
    for name in ("verdict.json", "report.html", "plan.yaml", "history.arrow"):
        with (huge / name).open("wb") as file:
            file.truncate(200 << 20)
    (root / "gates").mkdir()
    os.mkfifo(root / "gates" / "pipe.json")
    (root / "gates" / "link.json").symlink_to(folder / "secret")
    shown = dict.fromkeys(("seed", "anomaly", "message", "command", "run"), HOSTILE[0])
    case = dict.fromkeys(("name", "target", "why", "workload"), HOSTILE[0]) | {"verdict": "fail", "shown": shown}
    cases = [case | {"shown": shown | {"witness": list(HOSTILE)}}, 7, None, {"verdict": [], "shown": []}]
    (root / "gates" / "evil.json").write_text(json.dumps({"verdict": "fail", "file": HOSTILE[0], "cases": cases}))
    os.mkfifo(root / "compare-pipe.html")
    return root


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[Server]:
    with Server(root) as server:
        yield server


def harmless(answer: Answer) -> Element:
    """The page, once it is sure that it holds our script and style alone, and leads nowhere else."""
    page = answer.page
    policy = next(str(meta.attributes["content"]) for meta in page.all("meta") if "http-equiv" in meta.attributes)
    assert "unsafe" not in policy
    assert len(page.all("script")) == 1 and len(page.all("style")) == 1
    for one in page:
        assert not [name for name in one.attributes if name.startswith("on") or name == "style"], one.attributes
        for name in ("href", "src", "action"):
            address = one.attributes.get(name) or "/"
            assert address.startswith(("/", "#", "data:,")) and not address.startswith("//"), address
    assert SECRET not in answer.text
    return page


@pytest.mark.parametrize("address", ADDRESSES)
def test_overviews_show_all_of_it_as_text(server: Server, address: str) -> None:
    answer = server.get(address)
    assert answer.status == 200
    harmless(answer)


def test_every_run_that_is_listed_has_a_page(server: Server) -> None:
    page = harmless(server.get("/"))
    links = {str(link.attributes["href"]) for link in page.one("tbody").all("a")}
    assert len(links) >= len(NAMES) + len(HOSTILE)
    for link in links:
        answer = server.get(link)
        assert answer.status == 200, link
        harmless(answer)
    trends = harmless(server.get("/trends"))
    for link in {str(link.attributes["href"]) for link in trends.one("tbody").all("a")}:
        assert server.get(link).status == 200, link
        harmless(server.get(link))


BELOW = ("", "/live", "/history.jsonl", "/history.arrow", "/folder.zip")
TRIED = [(run, below) for run in ("files", "links", "torn") for below in BELOW]
TRIED += [("huge", below) for below in BELOW[:3]]


@pytest.mark.parametrize(("run", "below"), TRIED)
def test_files_that_are_none_are_told_and_not_waited_for(server: Server, run: str, below: str) -> None:
    answer = server.get(f"/runs/odd/{run}{below}")
    assert answer.status in (200, 404, 422)
    assert SECRET.encode() not in answer.body


@pytest.mark.parametrize("run", ["files", "links", "huge"])
def test_a_report_that_is_none_is_not_shown(server: Server, run: str) -> None:
    assert server.get(f"/files/odd/{run}/report.html").status == 404


def test_a_report_made_by_an_attacker_is_shown_in_a_sandbox(server: Server) -> None:
    answer = server.get("/files/odd/torn/report.html")
    assert answer.body == b"<script>alert(1)</script>"
    assert answer.headers["content-security-policy"].startswith("sandbox ")


def test_what_lies_behind_links_is_not_there(server: Server) -> None:
    for address in ("/runs/odd/elsewhere", "/runs/odd/elsewhere/folder.zip", "/gates/link", "/gates/pipe"):
        assert server.get(address).status == 404
    assert server.get("/files/compare-pipe.html").status == 404
    assert "pipe" not in server.get("/compare").page.one("main").text


@pytest.mark.parametrize("run", ["files", "links"])
def test_what_is_linked_is_not_judged_again_either(server: Server, root: Path, run: str) -> None:
    assert server.post(f"/runs/odd/{run}/check").status == 409
    assert (root.parent / "secret").read_text(encoding="utf-8") == SECRET


def test_a_draft_that_is_a_link_is_not_written_through(server: Server, root: Path) -> None:
    folder = judged(root, "odd", "draft")
    (folder / "plan.yaml").write_text("target: raft\nseed: 1\n", encoding="utf-8")
    (folder / "history.arrow").write_bytes(b"ARROW1")
    (folder / "verdict.json.part").symlink_to(root.parent / "secret")
    answer = server.post("/runs/odd/draft/check")
    assert (answer.status, "neither a file nor a folder" in answer.text) == (404, True)
    assert (root.parent / "secret").read_text(encoding="utf-8") == SECRET


def test_a_gate_of_hostile_values(server: Server) -> None:
    page = harmless(server.get("/gates/evil"))
    assert len(page.one("tbody").all("tr")) == 2


@pytest.mark.parametrize("text", [*HOSTILE, *NAMES])
def test_what_is_asked_for_is_text_too(server: Server, text: str) -> None:
    word = quote(text[:300], safe="", errors="replace")
    for address in (
        f"/?q={word}&target={word}&claim={word}&sort={word}&page={word}",
        f"/trends?target={word}&claim={word}",
    ):
        answer = server.get(address)
        assert answer.status == 200
        harmless(answer)
    assert server.get(f"/compare?run={word}&run={word}x").status == 404
