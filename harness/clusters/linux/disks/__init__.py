"""Faults of disks: a file system of the node's own below its data directory (`volume`), system calls that are made to
wait or fail (`syscalls`), damage to files (`files`), and the capability made of them (`capability`).
"""
