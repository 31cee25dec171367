"""What holds for every schedule that can be put together: properties of random trees of combinators."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.generators import (
    Context,
    Crew,
    Generator,
    Liftable,
    any,
    clients,
    concat,
    cycle,
    delay,
    each_process,
    each_thread,
    flip_flop,
    imperfect,
    keyed,
    lift,
    limit,
    log,
    mix,
    nemesis,
    on,
    on_update,
    once,
    perfect,
    perfect_info,
    phases,
    process_limit,
    quick,
    repeat,
    reserve,
    simulate,
    sleep,
    stagger,
    synchronize,
    then,
    time_limit,
    trace,
    until_ok,
    weighted,
)
from harness.generators.protocol import Pending
from harness.operation import Operation, Type

THREADS = 4
NEMESES = ("x", "y")
EVENTS = 400


def chance(ctx: Context) -> Operation | Pending | None:
    """A leaf that draws: an operation, a short wait, or the end."""
    draw = ctx.random.randrange(8)
    return None if draw == 0 else Pending(ctx.time + 7) if draw == 1 else Operation("f", value=draw)


seconds = st.sampled_from([0, 1e-9, 1e-8, 1e-6, 1e-3, 1.0])
counts = st.integers(1, 9)
leaves: st.SearchStrategy[Liftable] = st.one_of(
    st.sampled_from("abc").map(Operation),
    st.none(),
    st.just(chance),
    seconds.map(sleep),
    st.just(log("here")),
    st.lists(st.sampled_from("abc").map(Operation), max_size=4),
)


def combine(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(children, max_size=3)
    return st.one_of(
        children.map(once),
        st.builds(limit, counts, children),
        st.builds(repeat, children, counts),
        st.builds(cycle, children, counts),
        st.builds(time_limit, seconds, children),
        st.builds(process_limit, st.integers(0, 20), children),
        children.map(until_ok),
        st.builds(stagger, seconds, children),
        st.builds(delay, seconds, children),
        several.map(lambda gs: mix(*gs)),
        several.map(lambda gs: any(*gs)),
        several.map(lambda gs: concat(*gs)),
        several.map(lambda gs: phases(*gs)),
        several.map(lambda gs: weighted(*((i, g) for i, g in enumerate(gs)))),
        st.builds(flip_flop, children, children),
        st.builds(then, children, children),
        children.map(synchronize),
        children.map(each_thread),
        children.map(each_process),
        children.map(lambda g: on_update(lambda inner, ctx, event: inner.update(ctx, event), g)),
        children.map(lambda g: trace("t", g, lambda line: None)),
        children.map(lambda g: keyed(range(3), lambda key: g)),
    )


def top(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Combinators that only make sense around everything that uses the same threads."""
    return st.one_of(
        children,
        children.map(clients),
        st.builds(on, st.sets(st.integers(0, 5), min_size=1), children),
        st.builds(lambda a, b, c: any(clients(a), nemesis(0, b), nemesis("y", c)), children, children, children),
        st.builds(lambda a, b: clients(reserve((1, a), (2, b), default=a)), children, children),
        children.map(lambda g: clients(keyed(range(5), lambda key: g, 2))),
    )


trees = top(st.recursive(leaves, combine, max_leaves=6))
completions = st.sampled_from([quick, perfect, perfect_info, imperfect])


def play(tree: Liftable, complete: Any, seed: int) -> list[Operation]:
    return simulate(tree, concurrency=THREADS, nemeses=NEMESES, complete=complete, seed=seed, events=EVENTS)


@given(tree=trees, complete=completions, seed=st.integers(0, 3))
@settings(max_examples=400, deadline=None)
def test_every_schedule_obeys_the_rules_of_histories(tree: Liftable, complete: Any, seed: int) -> None:
    events = play(tree, complete, seed)
    assert [event.index for event in events] == list(range(len(events)))
    assert all(before.time <= after.time for before, after in pairwise(events))
    busy: set[int] = set()
    gone: set[int] = set()
    for event in events:
        process = event.process
        assert process is not None and -len(NEMESES) <= process and process not in gone
        thread = process % THREADS if process >= 0 else process
        if event.type is Type.INVOKE:
            assert thread not in busy
            busy.add(thread)
        else:
            busy.remove(thread)
            if event.type is Type.INFO and process >= 0:
                gone.add(process)


@given(tree=trees, complete=completions, seed=st.integers(0, 3))
@settings(max_examples=200, deadline=None)
def test_equal_seeds_give_equal_schedules_from_one_and_the_same_value(tree: Liftable, complete: Any, seed: int) -> None:
    generator = lift(tree)
    assert play(generator, complete, seed) == play(generator, complete, seed)


@given(tree=trees, count=counts, seed=st.integers(0, 3))
@settings(max_examples=200, deadline=None)
def test_a_limit_holds_around_anything(tree: Liftable, count: int, seed: int) -> None:
    assert len(play(limit(count, tree), perfect, seed)) <= 2 * count


@given(tree=trees, bound=seconds, seed=st.integers(0, 3))
@settings(max_examples=200, deadline=None)
def test_a_time_limit_holds_around_anything(tree: Liftable, bound: float, seed: int) -> None:
    begun = [event.time for event in play(time_limit(bound, tree), perfect, seed) if event.type is Type.INVOKE]
    assert all(time < bound * 1e9 for time in begun)


@given(tree=trees, seed=st.integers(0, 3))
@settings(max_examples=200, deadline=None)
def test_whatever_waits_can_be_limited_in_time(tree: Liftable, seed: int) -> None:
    """However long the tree would wait, the limit ends it: what follows comes at the limit at the latest."""
    after = play([time_limit(1e-6, tree), Operation("after")], perfect, seed)
    if len(after) < EVENTS:
        assert after[-1].f == "after" and after[-1].time <= 1_000 + 2 * 10


@given(tree=trees, free=st.integers(0, 63), time=st.sampled_from([0, 5, 10**9]), seed=st.integers(0, 3))
@settings(max_examples=300, deadline=None)
def test_asking_changes_nothing(tree: Liftable, free: int, time: int, seed: int) -> None:
    """Pure but for the draws: asked twice at the same moment, a generator answers the same, and only for free
    threads."""
    generator: Generator | None = lift(tree)
    for step in range(8):
        if generator is None:
            break
        answers = []
        for _ in range(2):
            crew = Crew.of(THREADS, NEMESES)
            ctx = Context(time + step, free, crew.threads, random.Random(seed), crew)
            op, following = generator.op(ctx)
            answers.append(op)
        assert repr(answers[0]) == repr(answers[1])
        if isinstance(op, Operation) and op.type is Type.INVOKE:
            assert free
            assert op.process is None or ctx.is_free(op.process)
        if isinstance(op, Pending):
            assert op.until > ctx.time
        generator = following
