"""Independent work spread over processes that say how far they are, and that never outlive who asked for it.

A worker serves its pipe until the other end is gone: closed when all is done or the user interrupted, or by the kernel
when the controller was killed, whatever killed it. So nothing has to be found and ended afterwards. Pools of the
standard library share one queue, whose writing end every worker holds; theirs wait for ever for a parent that is gone.

Workers are started afresh, not forked: a child would inherit the threads of the core in whatever state they are.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from harness.errors import HarnessError, SplitbrainError

Work = Callable[[Any, Callable[[Any], None]], Any]
"""What is done: called with a task, and with whom to tell how far it is. A function of a module; tasks, news and
results are pickled."""

_NEWS, _DONE, _FAILED = "news", "done", "failed"


def spread(
    work: Work, tasks: Mapping[str, Any], workers: int, hear: Callable[[str, Any], None], done: Callable[[str], None]
) -> dict[str, Any]:
    """The result of every task by its name, in the order of the tasks. `hear` is called with what a task of that name
    tells, `done` with the name of one that has ended.

    Raises `HarnessError` for the first that fails or whose process dies; the others are then ended.
    """
    waiting = iter(tasks.items())
    results: dict[str, Any] = {}
    crew: dict[Connection, tuple[BaseProcess, str]] = {}
    context = get_context("spawn")
    try:
        for name, task in _first(waiting, workers):
            ours, theirs = context.Pipe()
            process: BaseProcess = context.Process(target=_serve, args=(work, theirs), daemon=True)
            process.start()
            theirs.close()
            crew[ours] = process, name
            ours.send(task)
        while len(results) < len(tasks):
            for pipe in wait(list(crew)):
                assert isinstance(pipe, Connection)
                process, name = crew[pipe]
                kind, value = _received(pipe, name)
                if kind == _NEWS:
                    hear(name, value)
                elif kind == _FAILED:
                    raise HarnessError(f"{name}: {value}")
                else:
                    results[name] = value
                    done(name)
                    for following, task in _first(waiting, 1):
                        crew[pipe] = process, following
                        pipe.send(task)
    finally:
        for pipe, (process, _) in crew.items():
            pipe.close()
            process.terminate()
            process.join()
    return {name: results[name] for name in tasks}


def _first(waiting: Iterator[tuple[str, Any]], count: int) -> Iterator[tuple[str, Any]]:
    for _, item in zip(range(count), waiting, strict=False):
        yield item


def _received(pipe: Connection, name: str) -> tuple[str, Any]:
    try:
        message: tuple[str, Any] = pipe.recv()
    except (EOFError, OSError):
        return _FAILED, "its process died"
    return message


def _serve(work: Work, pipe: Connection) -> None:
    with suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            pipe.send(_answer(work, pipe.recv(), pipe))


def _answer(work: Work, task: Any, pipe: Connection) -> tuple[str, Any]:
    try:
        return _DONE, work(task, lambda news: pipe.send((_NEWS, news)))
    except SplitbrainError as problem:
        return _FAILED, str(problem)
    except (BrokenPipeError, ConnectionError):
        raise
    except Exception:
        return _FAILED, f"a defect of splitbrain or of a plugin: {traceback.format_exc()}"
