"""An event log's lines, in each form that Spark gives it: one file or a rolling folder, plain or packed.

Spark never packs with gzip itself, but people do; with zstd it makes a stream of frames, with lz4 and snappy the
formats of its Java libraries (lz4-java's LZ4BlockOutputStream, snappy-java's SnappyOutputStream), whose blocks have
headers of their own. What a file is, its first bytes say. A file that breaks off gives what can still be unpacked.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast

from sparkbed.errors import RunError

CHUNK = 1 << 20
LONGEST_LINE = 1 << 28
"""Bytes. Spark's longest events (plans of SQL queries, environments) take some MB."""

_LZ4_MAGIC, _SNAPPY_MAGIC = b"LZ4Block", b"\x82SNAPPY\x00"
_LZ4_HEADER = struct.Struct("<8sBiii")
_LZ4_RAW, _LZ4_PACKED = 0x10, 0x20
_MOST_IN_A_BLOCK = 1 << 25
"""Bytes: what lz4-java's largest block holds."""

_PART = re.compile(r"events_(\d+)_(.+?)(\.compact)?")


def lines_of(path: Path) -> Iterator[bytes]:
    """Every line of the log at `path`, a file or the folder of a rolling log, with its end of line.

    Raises:
        RunError: when it can't be read, is packed in a way that is not read here, or has a line beyond all measure.
    """
    for file in parts_of(path):
        try:
            with file.open("rb", CHUNK) as stream:
                yield from lines_in(stream, str(file))
        except OSError as error:
            raise RunError(f"the event log can't be read: {error.strerror or error}", where=str(file)) from None


def lines_in(stream: IO[bytes], where: str) -> Iterator[bytes]:
    """Every line of one open file, packed or not. `stream` is at its beginning."""
    first = stream.read(8)
    unpack = next((way for magic, way in _WAYS.items() if first.startswith(magic)), None)
    if first.startswith(b"ZV"):
        raise RunError(
            "the event log is packed by lzf, which is not read here",
            where=where,
            hint="Set spark.eventLog.compression.codec to zstd or lz4, or spark.eventLog.compress to false.",
        )
    if unpack is None:
        buffered: IO[bytes] = stream
        yield first + stream.readline(LONGEST_LINE)
    else:
        buffered = io.BufferedReader(_Unpacked(_checked(unpack(_Joined(first, stream)), where)), CHUNK)
    while line := buffered.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise RunError(
                f"there is a line of more than {LONGEST_LINE >> 20} MB", where=where, hint="Is it Spark's event log?"
            )
        yield line


def parts_of(path: Path) -> list[Path]:
    """The files of a log in the order of their events: the path itself, or the parts of a rolling log's folder.

    Where Spark has compacted older parts into one, that one stands for them.

    Raises:
        RunError: for a folder that is no rolling log's, or one whose parts have gaps.
    """
    if not path.is_dir():
        return [path]
    parts: dict[int, Path] = {}
    compact = 0
    for file in sorted(path.iterdir()):
        match = _PART.fullmatch(file.name)
        if match is None:
            continue
        number = int(match[1])
        if match[3]:
            compact = max(compact, number)
        if match[3] or number not in parts:
            parts[number] = file
    chosen = [number for number in sorted(parts) if number >= compact]
    if not chosen:
        raise RunError(
            "no part of a rolling event log is in this folder",
            where=str(path),
            hint="Name one log: a file, or a folder with files such as events_1_app-....",
        )
    gaps = [number for number in range(chosen[0], chosen[-1]) if number not in parts]
    if gaps or chosen[0] != max(compact, 1):
        missing = gaps[0] if gaps else chosen[0] - 1
        raise RunError(f"part {missing} of the rolling event log is missing", where=str(path))
    return [parts[number] for number in chosen]


# -- unpacking ---------------------------------------------------------------------------------------------------------


class _Unpacked(io.RawIOBase):
    """Chunks as a stream."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def _checked(chunks: Iterator[bytes], where: str) -> Iterator[bytes]:
    try:
        yield from chunks
    except (zlib.error, OSError, ValueError, struct.error) as error:
        raise RunError(f"the event log can't be unpacked: {error}", where=where) from None


class _Joined:
    """What was read of a stream to look at it, and the rest: `read(n)` gives n bytes, fewer only at the end."""

    def __init__(self, first: bytes, rest: IO[bytes]) -> None:
        self._first, self._rest = first, rest

    def read(self, size: int) -> bytes:
        taken, self._first = self._first[:size], self._first[size:]
        while len(taken) < size:
            more = self._rest.read(size - len(taken))
            if not more:
                break
            taken += more
        return taken


def _gzip(stream: _Joined) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(31)
    while packed := stream.read(CHUNK):
        while packed:
            yield unpacker.decompress(packed, CHUNK)
            packed = unpacker.unconsumed_tail
            if unpacker.eof:  # another file may have been appended
                packed, unpacker = unpacker.unused_data, zlib.decompressobj(31)


def _zstd(stream: _Joined) -> Iterator[bytes]:
    from zstandard import ZstdDecompressor, ZstdError

    unpacker = ZstdDecompressor().stream_reader(cast(Any, stream), read_across_frames=True)
    try:
        yield from iter(lambda: unpacker.read(CHUNK), b"")
    except ZstdError as error:
        raise ValueError(error) from None


def _lz4(stream: _Joined) -> Iterator[bytes]:
    from pyarrow import Codec

    codec = Codec("lz4_raw")
    while len(header := stream.read(_LZ4_HEADER.size)) == _LZ4_HEADER.size:
        magic, token, packed, unpacked, _checksum = _LZ4_HEADER.unpack(header)
        if magic != _LZ4_MAGIC or not (0 <= packed <= 2 * _MOST_IN_A_BLOCK and 0 <= unpacked <= _MOST_IN_A_BLOCK):
            raise ValueError("a block of lz4-java has no header")
        block = stream.read(packed)
        if len(block) < packed:
            return
        method = token & 0xF0
        if method not in (_LZ4_RAW, _LZ4_PACKED):
            raise ValueError(f"lz4-java has no method {method:#x}")
        if unpacked:  # an empty block ends a stream; another one may follow
            yield block if method == _LZ4_RAW else codec.decompress(block, unpacked, asbytes=True)


def _snappy(stream: _Joined) -> Iterator[bytes]:
    from pyarrow import Codec

    codec = Codec("snappy")
    while len(head := stream.read(4)) == 4:
        if head == _SNAPPY_MAGIC[:4]:  # 16 bytes begin a stream, and one that was appended
            stream.read(12)
            continue
        (size,) = struct.unpack(">i", head)
        if not 0 < size <= 2 * _MOST_IN_A_BLOCK:
            raise ValueError("a block of snappy-java has no size")
        block = stream.read(size)
        if len(block) < size:
            return
        yield codec.decompress(block, _snappy_size(block), asbytes=True)


def _snappy_size(block: bytes) -> int:
    """The unpacked size, which stands in front of a block in groups of 7 bits."""
    found = 0
    for place, byte in enumerate(block[:5]):
        found |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            break
    if found > _MOST_IN_A_BLOCK:
        raise ValueError("a block of snappy-java is too large")
    return found


_WAYS: dict[bytes, Callable[[_Joined], Iterator[bytes]]] = {
    b"\x1f\x8b": _gzip,
    b"\x28\xb5\x2f\xfd": _zstd,
    _LZ4_MAGIC: _lz4,
    _SNAPPY_MAGIC: _snappy,
}
