"""The capabilities of a cluster at work somewhere else: in a process that sees and can touch the nodes.

A controller without root, or one whose nodes are other machines, cannot set their packet filters or patch their clocks.
An agent can: it holds the very capability objects of `harness.clusters.linux`, and the controller holds proxies with
the same methods. `protocol` is what they say to each other, `server` the agent's side with `undo` for the day its
controller is gone, `remote` and `proxies` the controller's.
"""
