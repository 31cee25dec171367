"""Runs a node for real: `python3 -m harness.node MODULE:CLASS --name n1 --listen IP:PORT --peers n1=IP:PORT,... --data
DIR`.

With `--maelstrom` it speaks Maelstrom's protocol on standard input and output instead. Ends with 0 on SIGTERM, 1 when
the node crashes at start, 2 when the command line is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from harness.node.node import Node
from harness.node.tcp import Address, serve


def main(arguments: list[str]) -> int:
    """The command line, without the program's name; returns the exit code."""
    options = _parser().parse_args(arguments)
    if options.maelstrom:
        from harness.node import maelstrom

        return asyncio.run(maelstrom.serve(options.node, options.options, data=options.data))
    return asyncio.run(_run_tcp(options))


async def _run_tcp(options: argparse.Namespace) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return await serve(
        options.node,
        options.options,
        name=options.name,
        listen=options.listen,
        peers=options.peers,
        data=options.data or Path(f"{options.name}.data"),
        stop=stop,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m harness.node", description="Runs one node of a bundled store.")
    parser.add_argument("node", type=_node_class, metavar="MODULE:CLASS")
    parser.add_argument("--name", default="n1", help="this node's name")
    parser.add_argument("--listen", type=_address, default=("127.0.0.1", 0), metavar="IP:PORT")
    parser.add_argument("--peers", type=_peers, default={}, metavar="NAME=IP:PORT,...", help="all nodes, or all others")
    parser.add_argument("--data", type=Path, help="the folder that is the node's disk")
    parser.add_argument("--options", type=_options, default={}, metavar="JSON", help="keyword arguments of the class")
    parser.add_argument("--maelstrom", action="store_true", help="speak Maelstrom's protocol on stdin and stdout")
    return parser


def _node_class(text: str) -> Callable[..., Node]:
    module, _, name = text.partition(":")
    try:
        loaded: Callable[..., Node] = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"cannot load {text!r}: {error}") from error
    return loaded


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not IP:PORT")
    return host.strip("[]"), int(port)


def _peers(text: str) -> dict[str, Address]:
    peers = {}
    for entry in filter(None, text.split(",")):
        name, _, address = entry.partition("=")
        peers[name] = _address(address)
    return peers


def _options(text: str) -> dict[str, Any]:
    try:
        options = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from error
    if not isinstance(options, dict):
        raise argparse.ArgumentTypeError("the options are a JSON object")
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
