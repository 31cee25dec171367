"""Delay, jitter, duplication and reordering where the kernel has no netem: packets that a node sends to its peers are
queued to a small program, which sends each on when its time has come.

`python3 -m harness.clusters.linux.delays` is that program (see `__main__`). It needs nothing but the standard library
and a kernel with nftables and NFQUEUE, which distributions build in even where they leave netem out. The price is a
trip to user space for each packet: some tens of microseconds, and some twenty thousand packets a second of one node.
"""
