"""Timelines: no post is lost, whoever posts sees it, and later posts stand behind earlier ones.

Operations, on a user's timeline by its key: `post` of an id, `read` returning the list of ids, the oldest first
(`checkers.feed`).

    {process 0, ok, post, key 3, 7}     {process 0, ok, read, key 3, []}        the own post is missing
    {process 0, ok, post, key 3, 8}     {process 1, ok, read, key 3, [8, 7]}    7 was there before 8 was posted
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from checkers.collection import count
from checkers.feed import Entry, Feed, NothingLost
from checkers.findings import Findings, at
from checkers.requests import Request
from harness.checker import Budget, Result

if TYPE_CHECKING:
    from harness.history import History


class NoLostPost(NothingLost):
    """`no_lost_post`: none lost, doubled or unwanted, as `checkers.feed` tells."""

    name: ClassVar[str] = "no_lost_post"
    noun: ClassVar[str] = "post"
    add: ClassVar[str] = "post"
    figures: ClassVar[Mapping[str, str]] = {
        "acknowledged posts lost": "lost_post",
        "posts doubled": "doubled_post",
    }
    measures: ClassVar[Mapping[str, Sequence[str]]] = {"lost_writes": ("lost_post",)}


class OwnPostsSeen:
    """`own_posts_seen`: whoever was told that a post of his is on a timeline sees it there (read your writes)."""

    figures: ClassVar[Mapping[str, str]] = {"own posts not seen": "own_post_missing"}

    def check(self, history: History, *, budget: Budget) -> Result:
        """`stats`: `posts, acknowledged, reads_after_own_post`, and `own_post_missing`, each post once. Inconclusive if
        nobody read a timeline after posting there. Raises `HistoryError`."""
        feed = Feed(history, "post")
        findings = Findings("own-post-missing")
        own: dict[tuple[int, str | None], dict[Entry, Request]] = defaultdict(dict)
        reads = 0
        for request in feed.all:
            mine = own[request.process, request.key]
            if request.f == "post":
                if request.ok:
                    mine[request.asked] = request
            elif request.ok and mine:
                reads += 1
                for id in mine.keys() - set(request.got):
                    post = mine.pop(id)
                    message = (
                        f"post {id} on the timeline of {post.key} was acknowledged at {at(post.end_ns)}, but whoever "
                        f"posted it does not see it on {request.node} at {at(request.end_ns)}"
                    )
                    findings.add("own-post-missing", message, [post, request], post.key)
        acknowledged = sum(post.ok for post in feed.entries.values())
        stats = {"posts": len(feed.entries), "acknowledged": acknowledged, "reads_after_own_post": reads}
        passed = f"{count(reads, 'read')} by who had posted there found the own posts"
        unproven = "" if reads else "nobody read a timeline after posting on it"
        return findings.result("own_posts_seen", stats, passed=passed, unproven=unproven)


class PostsInOrder:
    """`posts_in_order`: a post that was acknowledged before another was made stands before it, where both are seen."""

    figures: ClassVar[Mapping[str, str]] = {"posts shown in the wrong order": "wrong_order"}

    def check(self, history: History, *, budget: Budget) -> Result:
        """`stats`: `posts, reads, reads_of_several`, and `wrong_order`, each pair once.

        Inconclusive if no read found two posts. Raises `HistoryError`.
        """
        feed = Feed(history, "post")
        findings = Findings("wrong-order")
        told: set[tuple[Entry, Entry]] = set()
        several = 0
        for read, found in feed.reads:
            several += len(found) > 1
            latest: Request | None = None
            for id in found:
                post = feed.entries.get(id)
                if post is None:
                    continue
                if latest and post.ok and post.end < latest.start and (latest.asked, id) not in told:
                    told.add((latest.asked, id))
                    message = (
                        f"on the timeline of {read.key}, read on {read.node} at {at(read.end_ns)}, post {latest.asked} "
                        f"stands before post {id}, which was acknowledged before it was made"
                    )
                    findings.add("wrong-order", message, [post, latest, read], read.key)
                if latest is None or post.start > latest.start:
                    latest = post
        stats = {"posts": len(feed.entries), "reads": len(feed.reads), "reads_of_several": several}
        passed = f"{count(several, 'read')} of several posts found them in the order in which they were made"
        unproven = "" if several else "no read found two posts"
        return findings.result("posts_in_order", stats, passed=passed, unproven=unproven)
