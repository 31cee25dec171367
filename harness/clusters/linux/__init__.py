"""What Linux offers for breaking things, written once: nftables, signals, the vDSO clock, and the ledger that undoes it
all.

`docker` uses these modules from the host, on the processes and bridges of its containers. Nothing here knows how a node
came to be.
"""
