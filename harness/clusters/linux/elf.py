"""The few words of ELF that the vDSO needs: where its functions are.

The kernel maps the vDSO as one shared object at an address of its choice. Its dynamic symbols are found through the
section headers, which the kernel leaves in the mapping. Written after elf(5); 64-bit, little-endian.
"""

from __future__ import annotations

import struct

_SECTION_DYNAMIC_SYMBOLS = 11
_X86_64 = 62


def symbols(image: bytes) -> dict[str, tuple[int, int]]:
    """Name -> (offset from the image's start, size in bytes) of each defined dynamic symbol. Raises ValueError for
    anything else than a 64-bit x86 ELF image with a symbol table.
    """
    try:
        return _symbols(image)
    except (struct.error, IndexError) as cut_short:
        raise ValueError("the ELF image ends too early") from cut_short


def _symbols(image: bytes) -> dict[str, tuple[int, int]]:
    if image[:6] != b"\x7fELF\x02\x01":
        raise ValueError("not a 64-bit little-endian ELF image")
    (machine,) = struct.unpack_from("<H", image, 18)
    if machine != _X86_64:
        raise ValueError(f"an ELF image for machine {machine}, not for x86-64")
    (table,) = struct.unpack_from("<Q", image, 40)
    size, count = struct.unpack_from("<HH", image, 58)
    # Of each section header: type, offset, size and the number of the section with its names.
    sections = [struct.unpack_from("<4xI16xQQI", image, table + i * size) for i in range(count)]
    for kind, offset, length, link in sections:
        if kind == _SECTION_DYNAMIC_SYMBOLS:
            return _table(image, offset, length, sections[link][1])
    raise ValueError("no dynamic symbols")


def _table(image: bytes, offset: int, length: int, names: int) -> dict[str, tuple[int, int]]:
    found = {}
    for at in range(offset, offset + length, 24):
        name, section, value, size = struct.unpack_from("<I2xHQQ", image, at)
        if section:
            end = image.index(b"\0", names + name)
            found[image[names + name : end].decode("ascii")] = (value, size)
    return found
