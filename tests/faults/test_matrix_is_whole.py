"""The matrix leaves nothing out."""

from __future__ import annotations

from test_matrix_clocks import FAULTS as CLOCKS
from test_matrix_disks import FAULTS as DISKS
from test_matrix_links import FAULTS as LINKS
from test_matrix_services import FAULTS as SERVICES

from harness.clusters.base import CAPABILITIES


def test_there_is_a_row_for_every_capability() -> None:
    rows = [*LINKS, *SERVICES, *CLOCKS, *DISKS]
    assert {row.needs for row in rows} == set(CAPABILITIES)
    assert len({row.name for row in rows}) == len(rows)
