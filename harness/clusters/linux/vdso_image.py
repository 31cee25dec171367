"""The vDSO of this kernel: what it looks like untouched, where a stub fits in, and what it looks like in a given
process.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.clusters.linux import elf, processes, stub

JUMP_SIZE = 5

EXEC_LOOKS = 25
EXEC_LOOK_S = 0.002
"""A process that is just executing a program has its new memory for a moment before the vDSO is mapped into it."""


class CannotPatch(Exception):
    """This process, kernel or machine does not allow its clock to be patched; the message says what stands
    in the way.
    """


@dataclass(frozen=True, slots=True)
class Layout:
    """What the vDSO of this kernel looks like, the same in every 64-bit process: the pristine `image`, where the stub
    goes, and the jumps.
    """

    image: bytes
    stub_at: int
    stub: bytes
    jumps: tuple[tuple[int, bytes], ...]

    def original(self, at: int) -> bytes:
        """What was there before a jump was."""
        return self.image[at : at + JUMP_SIZE]


@cache
def own_layout() -> Layout:
    """The layout of this kernel's vDSO, read from this very process. Raises `CannotPatch`."""
    if not sys.platform.startswith("linux") or platform.machine() != "x86_64":
        raise CannotPatch(f"clocks are patched on x86-64 Linux only, and this is {platform.machine()} {sys.platform}")
    return plan(image_of(os.getpid()))


def plan(image: bytes) -> Layout:
    """Finds room for the stub in a vDSO image, and the functions to divert. Raises `CannotPatch` when something is
    missing.
    """
    code, entries = stub.assemble()
    # 16 bytes of distance: the last used byte may be followed by zeros that belong to it. Then the next 16-byte
    # boundary.
    stub_at = (len(image.rstrip(b"\0")) + 16 + 15) // 16 * 16
    if stub_at + len(code) > len(image):
        raise CannotPatch(f"the vDSO has no room for {len(code)} bytes of code")
    try:
        found = elf.symbols(image)
    except ValueError as problem:
        raise CannotPatch(f"the vDSO cannot be read: {problem}") from problem
    jumps = []
    for name in stub.FUNCTIONS:
        at, size = found.get(f"__vdso_{name}", (0, 0))
        if size < JUMP_SIZE:
            raise CannotPatch(f"the vDSO has no function __vdso_{name} that a jump fits in")
        distance = stub_at + entries[name] - (at + JUMP_SIZE)
        jumps.append((at, b"\xe9" + distance.to_bytes(4, "little", signed=True)))
    return Layout(image, stub_at, code, tuple(jumps))


def is_patched(image: bytes, layout: Layout) -> bool:
    """Whether an image that is not the pristine one differs from it by our stub."""
    code_at = layout.stub_at + stub.CODE_AT
    return image[layout.stub_at :].startswith(stub.MAGIC) and image[code_at:].startswith(layout.stub[stub.CODE_AT :])


def mapping(pid: int) -> tuple[int, int]:
    """First address and end of a process's vDSO. Raises ProcessLookupError or `CannotPatch`."""
    for _ in range(EXEC_LOOKS):
        found = _mapping(pid)
        if found is not None:
            return found
        time.sleep(EXEC_LOOK_S)
    raise CannotPatch(f"process {pid} has no vDSO")


def _mapping(pid: int) -> tuple[int, int] | None:
    try:
        lines = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except (FileNotFoundError, ProcessLookupError) as gone:
        raise ProcessLookupError(pid) from gone
    except PermissionError as refused:
        raise CannotPatch(f"no ptrace access to process {pid}") from refused
    if not lines and not processes.alive(pid):
        raise ProcessLookupError(pid)  # a zombie has no memory
    for line in lines:
        words = line.split(maxsplit=5)
        if words[-1] == "[vdso]":
            start, end = words[0].split("-")
            return int(start, 16), int(end, 16)
    return None


def image_of(pid: int) -> bytes:
    """The bytes of a process's vDSO. Raises ProcessLookupError or `CannotPatch`."""
    start, end = mapping(pid)
    try:
        with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
            memory.seek(start)
            image = memory.read(end - start)
    except FileNotFoundError as gone:
        raise ProcessLookupError(pid) from gone
    except PermissionError as refused:
        raise CannotPatch(f"no ptrace access to process {pid}") from refused
    if len(image) != end - start:
        raise ProcessLookupError(pid)
    return image
