"""The forms of an answer: a page, a file of the runs folder, something to take away, and what went wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse

from reports.data import installed_version
from reports.page import SCRIPT, STYLES, Shell, render
from reports.serve import links, times
from reports.serve.guard import report_policy
from reports.serve.store import Missing

SHELL = Shell(
    styles=(*STYLES, "serve/serve.css"),
    scripts=(SCRIPT, "serve/serve.js"),
    allows="form-action 'self'; connect-src 'self'",
)


def page(template: str, *, status: int = 200, refresh: int | None = None, **context: Any) -> Response:
    """One of our pages; `refresh` is after how many seconds it asks again."""
    text = render(
        f"serve/{template}.html.j2",
        footer="splitbrain serve",
        shell=SHELL,
        version=installed_version(),
        refresh=refresh,
        links=links,
        times=times,
        **context,
    )
    return HTMLResponse(text, status)


def file(content: bytes) -> Response:
    """A page that lies in the runs folder, in its sandbox."""
    return HTMLResponse(content, headers={"content-security-policy": report_policy()})


def away(pieces: Iterator[bytes], kind: str, name: str) -> Response:
    """Something to take away, sent while it is made."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", name)
    return StreamingResponse(
        pieces, media_type=kind, headers={"content-disposition": f'attachment; filename="{plain}"'}
    )


def told(_request: Request, problem: Exception) -> Response:
    """A mistake, or something that is not there, as a page."""
    status = problem.status_code if isinstance(problem, HTTPException) else 404 if isinstance(problem, Missing) else 422
    why = problem.detail if isinstance(problem, HTTPException) else str(problem)
    return page("problem", status=status, why=why, code=status)


def broken(_request: Request, _problem: Exception) -> Response:
    """A defect, as a page."""
    return page("problem", status=500, why="a defect of splitbrain; its terminal has the details", code=500)
