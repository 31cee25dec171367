"""The addresses of pages, as links to them are written."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from reports.serve.store import RunName


def run_address(name: RunName, *below: str) -> str:
    """The page of a run, or one below it."""
    return "/" + "/".join(quote(part, safe="") for part in ("runs", name.target, name.run, *below))


def report_address(name: RunName) -> str:
    """The run's own report. It lies where a comparison in the runs folder expects it."""
    return "/" + "/".join(quote(part, safe="") for part in ("files", name.target, name.run, "report.html"))


def trend_address(target: str, claim: str = "") -> str:
    """The trends of a target, or of one of its claims."""
    return "/trends?" + urlencode({"target": target} | ({"claim": claim} if claim else {}), errors="replace")


def gate_address(name: str) -> str:
    """A gate's answer."""
    return "/gates/" + quote(name, safe="")


def campaign_address(name: str) -> str:
    """A campaign's page."""
    return "/campaigns/" + quote(name, safe="")
