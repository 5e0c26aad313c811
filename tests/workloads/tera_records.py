"""TeraSort's records made in Python from their published description: what the Scala program is held against.

gensort's page (ordinal.com) and Hadoop's teragen describe one form: a 128-bit linear congruential generator, and
records of a 10-byte key, the record's number and filler taken from the random number.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

FACTOR, STEP = 0x2360ED051FC65DA44385DF649FCCF645, 0x4A696D47726179524950202020202001


def records(count: int) -> Iterator[bytes]:
    random = 0
    for number in range(count):
        random = (random * FACTOR + STEP) % 2**128
        filler = "".join(digit * 4 for digit in f"{random:032X}"[20:])
        yield (
            random.to_bytes(16, "big")[:10]
            + b"\x00\x11"
            + f"{number:032X}".encode()
            + b"\x88\x99\xaa\xbb"
            + filler.encode()
            + b"\xcc\xdd\xee\xff"
        )


def checksum(found: Iterable[bytes]) -> str:
    return f"{sum(map(zlib.crc32, found)) % 2**128:x}"


def read(folder: Path) -> list[bytes]:
    """The records of a folder's files, in the order of their names."""
    whole = b"".join(path.read_bytes() for path in sorted(folder.glob("part-*")))
    assert len(whole) % 100 == 0
    return [whole[at : at + 100] for at in range(0, len(whole), 100)]


def write(folder: Path, parts: Iterable[Iterable[bytes]]) -> Path:
    folder.mkdir()
    for number, part in enumerate(parts):
        (folder / f"part-r-{number:05}").write_bytes(b"".join(part))
    return folder
