"""Nodes on machines of their own, over SSH.

On each machine an agent does what has to be done there. `cluster` is the controller's side, with `hosts` (which
machines), `connection` (how to get in), `channel` and `machine` (what is kept open to each) and `upload` (what is
brought). `agent` runs on the machine, `remains` is what it must never leave there.
"""
