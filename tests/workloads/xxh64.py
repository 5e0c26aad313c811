"""Spark's xxhash64 over whole numbers of 64 bits, by the published description of XXH64: written for the tests."""

from __future__ import annotations

_MASK = (1 << 64) - 1
_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5


def _rotate(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (64 - bits))) & _MASK


def xxh64(number: int, seed: int) -> int:
    """XXH64 of a number's eight bytes, as an unsigned number."""
    hashed = (seed + _P5 + 8) & _MASK
    lane = _rotate((number & _MASK) * _P2 & _MASK, 31) * _P1 & _MASK
    hashed = (_rotate(hashed ^ lane, 27) * _P1 + _P4) & _MASK
    hashed = (hashed ^ (hashed >> 33)) * _P2 & _MASK
    hashed = (hashed ^ (hashed >> 29)) * _P3 & _MASK
    return hashed ^ (hashed >> 32)


def spark_hash(*numbers: int) -> int:
    """xxhash64(numbers...): each number's hash is the next one's seed, and 42 the first."""
    seed = 42
    for number in numbers:
        seed = xxh64(number, seed)
    return seed
