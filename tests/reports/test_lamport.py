"""The messages round a violation as a picture and as a table: true, bounded, harmless."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from harness.messages import MESSAGES_MAX, Conversation, Fate, Heard, Message
from harness.runs import Epoch
from reports.data import RunData
from reports.html import report
from reports.logs import Logs
from tests.reports.markup import Element, parse
from tests.reports.synthetic import failing, write_run

MS = 1_000_000
HOSTILE = "</script><script>alert(1)</script>\x00\x07\u202e" + "x" * 100


def said(source: str, dest: str, at_ns: int, took_ns: int | None = MS, **fields: Any) -> Message:
    ended = None if took_ns is None else at_ns + took_ns
    given: dict[str, Any] = {"type": "put", "body": '{"key":"k3"}', "cut": False, "about": True, "ended_ns": ended}
    given |= {"fate": Fate.ARRIVED if took_ns is not None else Fate.UNDER_WAY}
    return Message(source, dest, at_ns, **(given | fields))


def heard(run: RunData, *messages: Message, left_out: int = 0) -> RunData:
    """The run, with these messages round its violation."""
    _, anomaly = run.anomalies[0]
    conversation = {(anomaly.type, anomaly.key, anomaly.ops): Conversation(messages, left_out)}
    return dataclasses.replace(run, messages=Heard(conversation))


@pytest.fixture(scope="module")
def run() -> RunData:
    return failing()


def begin_ns(run: RunData) -> int:
    return min(run.history[index].time for index in run.anomalies[0][1].ops)


def figure(run: RunData) -> Element:
    return parse(report(run)).one("figure", class_="lamport")


def test_an_arrow_goes_down_from_its_sender_to_its_taker_and_a_lost_one_ends_in_a_cross(run: RunData) -> None:
    start = begin_ns(run)
    page = figure(
        heard(
            run,
            said("c1", "n1", start + MS, process=100_001),
            said("n1", "n2", start + 3 * MS),
            said("n1", "n4", start + 3 * MS, 0, fate=Fate.CUT, faults=("partition-2",)),
        )
    )
    asked, sent, cut = page.all("a", class_="message")
    lines = [
        [float((line.attributes[name] or "").rstrip("%")) for name in ("x1", "y1", "x2", "y2")]
        for line in (one.all("line", class_="arrow")[0] for one in (asked, sent, cut))
    ]
    assert all(y2 >= y1 for _, y1, _, y2 in lines)
    assert lines[0][2] == lines[1][0] == lines[2][0] and lines[0][1] < lines[1][1]
    assert "gone" in cut.classes and not {"gone"} & {*asked.classes, *sent.classes}
    assert len(cut.all("path", class_="cross")) == 1 and not sent.all("path", class_="cross")
    assert cut.attributes["aria-label"] == "put from n1 to n4: dropped by partition-2"
    assert asked.attributes["aria-label"] == "put from process 100001 to n1: arrived"


def test_the_table_says_all_that_the_picture_shows_and_every_arrow_leads_to_its_row(run: RunData) -> None:
    start = begin_ns(run)
    messages = [said("n1", f"n{dest}", start + dest * MS, about=dest % 2 == 0) for dest in range(2, 6)]
    page = figure(heard(run, *messages, left_out=7))
    rows = page.one("details", class_="wide-data").one("tbody").all("tr")
    assert [row.all("td")[2].text for row in rows] == ["n2", "n3", "n4", "n5"]
    assert {one.attributes["href"] for one in page.all("a", class_="message")} == {
        f"#{row.attributes['id']}" for row in rows
    }
    assert "7 more messages of this time are not shown" in page.text
    assert page.one("svg", role="group").one("desc").text.startswith("4 messages between ")


def test_operations_stand_on_the_lines_of_their_processes_beside_their_nodes(run: RunData) -> None:
    page = figure(heard(run, said("n1", "n4", begin_ns(run))))
    heads = [text.text for text in page.one("svg", class_="heads").all("text")]
    assert heads == ["process 100001", "process 100000", "n1", "process 100008", "process 100003", "n4"]
    assert len(page.all("rect", class_="bar")) == 4


def test_clients_of_other_operations_share_a_line(run: RunData) -> None:
    page = figure(heard(run, *(said(f"c{one}", "n2", begin_ns(run) + one, process=one) for one in range(50))))
    heads = [text.text for text in page.one("svg", class_="heads").all("text")]
    assert heads[0] == "other clients" and len(heads) == 8


def test_a_fault_is_behind_the_nodes_it_hit_while_it_was_in_force(run: RunData) -> None:
    page = figure(heard(run, said("n1", "n4", begin_ns(run)), said("n4", "n1", begin_ns(run) + 4_000 * MS)))
    assert [one.text for one in page.all("text", class_="fault-name")] == [run.faults[1].id]


def test_a_megabyte_of_malice_stays_text_and_small(run: RunData) -> None:
    nasty = said(HOSTILE, HOSTILE, begin_ns(run), type=HOSTILE * 10, body=HOSTILE * 10_000, faults=(HOSTILE,) * 9)
    other = said("n1", "n2", begin_ns(run), type=HOSTILE * 10, body=HOSTILE * 10_000, faults=(HOSTILE,) * 9)
    page = report(heard(run, nasty, other, dataclasses.replace(other, fate=Fate.CUT)))
    assert page.count("<script>") == 1 and "alert(1)</script>" not in page
    assert not any(harm in page for harm in "\x00\x07\u202e")
    parse(page)
    assert len(page) - len(report(run)) < 60_000


def test_as_many_messages_as_are_ever_kept_do_not_make_a_page_of_megabytes(run: RunData) -> None:
    start = begin_ns(run)
    messages = [
        said(f"n{one % 5 + 1}", f"n{one % 4 + 1}", start + one * MS, body='{"key":"k3"}' * 150)
        for one in range(MESSAGES_MAX)
    ]
    assert len(report(heard(run, *messages))) - len(report(run)) < 600_000


def test_a_run_without_messages_says_nothing_of_them_or_why(run: RunData) -> None:
    assert not parse(report(run)).all("figure", class_="lamport")
    page = report(dataclasses.replace(run, messages=Heard(why="the run took <another> course")))
    assert "The messages are not shown: <bdi>the run took &lt;another&gt; course</bdi>." in page


GOOD = {"scene": 0, "source": "n1", "dest": "n2", "sent_ns": 1, "ended_ns": None, "fate": "cut", "faults": []}
GOOD |= {"type": "put", "body": "{}", "cut": False, "about": True, "process": None}
SCENE = {"scene": 0, "type": "stale-read", "key": "k3", "ops": [1], "start_ns": 0, "end_ns": 9, "left_out": 2}


@pytest.mark.parametrize(
    ("objects", "why"),
    [
        ([{"format": 1}, SCENE, GOOD], ""),
        ([{"format": 1, "new": 5}, SCENE | {"new": 5}, GOOD | {"new": 5}], ""),
        ([{"format": 1, "why": "no"}], "no"),
        ([{"format": 2}, {"strange": True}], "messages.jsonl is of format 2, and this splitbrain reads 1"),
        ([], "messages.jsonl cannot be read (StopIteration: )"),
        ([{"format": 1}, GOOD], "messages.jsonl cannot be read (IndexError: list index out of range)"),
        ([{"format": 1}, SCENE, GOOD | {"fate": "eaten"}], "cannot be read (ValueError"),
        ([[1]], "cannot be read (TypeError"),
        ([{}], "cannot be read (KeyError"),
    ],
)
def test_a_file_of_messages_is_read_or_it_is_said_why_not(tmp_path: Path, objects: list[Any], why: str) -> None:
    write_run(tmp_path / "run", failing())
    text = "".join(json.dumps(one) + "\n" for one in objects)
    (tmp_path / "run" / "messages.jsonl").write_text(text, encoding="utf-8")
    found = RunData.load(tmp_path / "run").messages
    assert why in found.why and bool(found.why) == bool(why)
    assert len(found.conversations) == (0 if why else 1)


def test_what_the_nodes_wrote_meanwhile_stands_behind_the_violation(run: RunData, tmp_path: Path) -> None:
    at_s = begin_ns(run) / 1e9
    (tmp_path / "n1").mkdir()
    (tmp_path / "n1" / "node.log").write_text(
        f"1.000000 long before\n{at_s + 7:.6f} <b>now</b> \u202e\n", encoding="utf-8"
    )
    page = parse(report(dataclasses.replace(run, logs=Logs(tmp_path, Epoch(7_000_000_000, 0)))))
    logs = page.one("details", class_="logs")
    assert [cell.text for cell in logs.all("td")] == ["<b>now</b> \\u202e"]
    assert logs.one("h4").text == "n1 node.log"
