"""What splitbrain needs to know of the store: how its nodes run, and which clients it has."""

from harness.target import NodeService
from targets.toy import Toy


def shelf() -> Toy:
    return Toy("shelf", NodeService("shelf.store:Shelf", packages=("shelf",)), claims=(), workloads=("read-write",))
