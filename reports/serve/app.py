"""The addresses of the server, and what is behind each.

Every endpoint is a plain function of a request, run in a thread: what it reads may be slow, and no visitor waits for
another. Whatever goes wrong on the way is one sentence on a page.
"""

from __future__ import annotations

import time
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from harness.errors import SplitbrainError
from harness.gate import confidence
from reports.serve import campaign_chart, download, gates, links, pair, trends
from reports.serve.campaigns import Campaigns
from reports.serve.facts import RunFacts
from reports.serve.index import Index, Snapshot
from reports.serve.judging import Judge
from reports.serve.live import Watcher
from reports.serve.query import Choices, Page, Query
from reports.serve.respond import away, broken, file, page, told
from reports.serve.store import Missing, RunName, Store, named
from reports.text import count

REPORT_BYTES_MAX = 64 << 20
LIVE_S, FIRST_LOOK_S, JUDGED_S = 2, 1, 2
"""How often pages ask again: of a run that goes on, of a list that is not complete yet, until a verdict is there."""

_KNOWN_WORDS = {"running": "go on", "unfinished": "have no verdict", "unreadable": "cannot be read"}


class Site:
    """The pages over one store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.index = Index(store)
        self.campaigns = Campaigns(store)
        self.judge = Judge()
        self.watcher = Watcher(store)

    def warm(self) -> None:
        """Makes the first page ready, so that the first visitor need not wait until its template is read."""
        page("runs", **self._listed(Query()))

    def close(self) -> None:
        """Ends what goes on behind the pages."""
        self.index.close()
        self.judge.close()

    def application(self) -> Starlette:
        """The application, without its guard."""
        run = "/runs/{target}/{run}"
        routes = [
            Route("/", self.runs),
            Route("/trends", self.trends),
            Route("/compare", self.compare),
            Route("/gates", self.gates),
            Route("/gates/{name}", self.gate),
            Route("/campaigns", self.every_campaign),
            Route("/campaigns/{name}", self.campaign),
            Route(run, self.run),
            Route(f"{run}/live", self.live),
            Route(f"{run}/check", self.check, methods=["POST"]),
            Route(f"{run}/history.{{format}}", self.history),
            Route(f"{run}/folder.zip", self.archive),
            Route("/files/{target}/{run}/report.html", self.report),
            Route("/files/{page}", self.comparison),
        ]
        return Starlette(
            routes=routes,
            exception_handlers={SplitbrainError: told, HTTPException: told, Exception: broken},
        )

    def runs(self, request: Request) -> Response:
        """The list of runs."""
        return page("runs", **self._listed(Query.of(_fields(request))))

    def _listed(self, query: Query) -> dict[str, Any]:
        snapshot, now_s = self.index.look(), time.time()
        choices = Choices.of(snapshot.runs, now_s)
        return {
            "refresh": FIRST_LOOK_S if snapshot.unread else None,
            "snapshot": snapshot,
            "query": query,
            "page": Page.of(query.select(snapshot.runs, now_s), query.page),
            "choices": choices,
            "now_s": now_s,
            "headline": _headline(snapshot, choices),
            "root": str(self.store.root),
        }

    def run(self, request: Request) -> Response:
        """One run: its verdict, its promises, and what can be done with it."""
        name, facts = self._run(request)
        job = self.judge.job("again", name)
        parts = ("report.html", "history.arrow", "plan.yaml")
        there = {part: self.store.has(name.target, name.run, part) for part in parts}
        return page(
            "run",
            refresh=JUDGED_S if job and job.open else None,
            run=facts,
            state=facts.state(time.time()),
            job=job,
            file=there,
            others=[one for one in self.index.look(0).runs if one.target == facts.target and one.name != name][:20],
        )

    def live(self, request: Request) -> Response:
        """A run that goes on."""
        name, facts = self._run(request)
        state = facts.state(time.time())
        problem, progress, so_far = "", None, None
        try:
            progress = self.watcher.look(name)
            if state == "running":
                so_far = self.judge.so_far(name, self.store.sound(name))
        except SplitbrainError as refusal:
            problem = str(refusal)
        return page(
            "live",
            refresh=LIVE_S if state == "running" else None,
            run=facts,
            state=state,
            progress=progress,
            so_far=so_far,
            problem=problem,
        )

    def check(self, request: Request) -> Response:
        """Judges a run again."""
        name, facts = self._run(request)
        if facts.state(time.time()) == "running":
            raise HTTPException(409, "this run still goes on: it can be judged again when it has ended")
        for part in ("plan.yaml", "history.arrow"):
            if not self.store.has(name.target, name.run, part):
                raise HTTPException(409, f"this run has no {part}, and cannot be judged without it")
        self.judge.again(name, self.store.sound(name))
        return RedirectResponse(links.run_address(name), 303)

    def report(self, request: Request) -> Response:
        """A run's own report."""
        name = _name(request)
        return file(self.store.read(name.target, name.run, "report.html", bytes_max=REPORT_BYTES_MAX))

    def comparison(self, request: Request) -> Response:
        """A comparison that lies in the runs folder."""
        name = named(request.path_params["page"])
        if not pair.is_page(name):
            raise Missing("there is no comparison of that name")
        return file(self.store.read(name, bytes_max=REPORT_BYTES_MAX))

    def history(self, request: Request) -> Response:
        """A run's history, to take away."""
        name, format = _name(request), request.path_params["format"]
        if format not in download.FORMATS:
            raise Missing(f"a history is given as {', '.join(download.FORMATS)}")
        pieces = download.history(self.store, name, format)
        return away(pieces, download.FORMATS[format], f"{name.target}-{name.run}.{format}")

    def archive(self, request: Request) -> Response:
        """A run's folder, to take away."""
        name = _name(request)
        return away(download.archive(self.store, name), "application/zip", f"{name.target}-{name.run}.zip")

    def trends(self, request: Request) -> Response:
        """Verdicts and availability over time: of every claim in short, of one at length."""
        fields, snapshot = _fields(request), self.index.look()
        target, claim = (fields.get(field, "")[:200] for field in ("target", "claim"))
        found = trends.trends(snapshot.runs, target, claim)
        return page(
            "trend" if claim and found else "trends",
            refresh=FIRST_LOOK_S if snapshot.unread else None,
            snapshot=snapshot,
            target=target,
            claim=claim,
            found=found[: trends.TRENDS_MAX],
            left_out=max(len(found) - trends.TRENDS_MAX, 0),
            targets=sorted({run.target for run in snapshot.runs}),
            strip=trends.strip,
            verdicts=trends.verdicts,
            availability=trends.availability,
        )

    def compare(self, request: Request) -> Response:
        """Runs side by side, and the comparisons that lie in the runs folder."""
        chosen = list(dict.fromkeys(request.query_params.getlist("run")))
        if not chosen:
            return page("comparisons", pages=pair.pages(self.store))
        names = [RunName.of(str(one)) for one in chosen[: pair.RUNS_MAX + 1]]
        return page("pair", **pair.context(self.store, names))

    def gates(self, request: Request) -> Response:
        """The kept answers of gates."""
        return page("gates", found=gates.every(self.store))

    def gate(self, request: Request) -> Response:
        """One of them."""
        return page("gate", gate=gates.one(self.store, request.path_params["name"]))

    def every_campaign(self, request: Request) -> Response:
        """The records of campaigns."""
        return page("campaigns", found=self.campaigns.every())

    def campaign(self, request: Request) -> Response:
        """One of them."""
        found = self.campaigns.one(request.path_params["name"])
        return page(
            "campaign",
            campaign=found,
            failures=self.campaigns.failures(found),
            over_time=campaign_chart.over_time,
            at_most=confidence.percent,
        )

    def _run(self, request: Request) -> tuple[RunName, RunFacts]:
        name = _name(request)
        return name, self.index.one(name)


def _name(request: Request) -> RunName:
    return RunName(named(request.path_params["target"]), named(request.path_params["run"]))


def _fields(request: Request) -> dict[str, str]:
    return {str(name): str(value) for name, value in request.query_params.items()}


def _headline(snapshot: Snapshot, choices: Choices) -> str:
    """What is the matter with these runs, in a sentence."""
    if not snapshot.runs:
        return "No runs yet" if not snapshot.unread else "Reading the runs"
    states = choices.states
    parts = [f"{states['fail']:,} broke a promise"] if states.get("fail") else []
    parts += [f"{states[state]:,} {words}" for state, words in _KNOWN_WORDS.items() if states.get(state)]
    return ", ".join([count(len(snapshot.runs), "run"), *parts])
