"""How often a server was started: what makes names that it gives out its own, whatever it forgot in a crash."""

from __future__ import annotations

from harness.node import Disk
from targets.toys.journal import Journal


async def count_boot(disk: Disk) -> int:
    """The number of this start, from 1 on; durable on return, so it never comes again."""
    journal = Journal(disk, "boots.log")
    number = len(journal.recover()) + 1
    journal.append(number)
    await journal.sync()
    return number
