"""Timelines: posts, and reads by those who posted and by others.

For each post it can be told whether it was lost or doubled, whether who posted it saw it at once, and whether it stands
where it belongs (`checkers.timeline`). Everybody posts on every timeline: a user has a phone and a laptop, and both are
his.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from workloads.feed import Feeds


class Timeline(Feeds):
    """The workload: `post` of an id on a timeline, `read` of the list of its posts, the oldest first. Options as for
    all feeds."""

    name: ClassVar[str] = "timeline"
    add: ClassVar[str] = "post"
    model: ClassVar[str] = "posts_in_order"
    asks_for: ClassVar[Mapping[str, str]] = {"post": "posts", "read": "reads"}
    expectations: ClassVar[Sequence[str]] = (
        "no_lost_post",
        "own_posts_seen",
        "posts_in_order",
        "availability",
        "recovers",
        "converges",
        "catches_up",
    )
