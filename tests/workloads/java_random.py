"""java.util.Random and String.hashCode, from their published definitions: what the Scala data must come from."""

from __future__ import annotations

import math


class JavaRandom:
    """java.util.Random."""

    def __init__(self, seed: int) -> None:
        self.state = (seed ^ 0x5DEECE66D) & ((1 << 48) - 1)
        self.second: float | None = None

    def _next(self, bits: int) -> int:
        """So many bits, fewer than 32: above that Java's are signed."""
        self.state = (self.state * 0x5DEECE66D + 0xB) & ((1 << 48) - 1)
        return self.state >> (48 - bits)

    def next_int(self, bound: int) -> int:
        if bound & (bound - 1) == 0:
            return (bound * self._next(31)) >> 31
        while True:
            bits = self._next(31)
            value = bits % bound
            if bits - value + bound - 1 < 1 << 31:
                return value

    def next_double(self) -> float:
        high = self._next(26)
        return ((high << 27) + self._next(27)) * 2.0**-53

    def next_gaussian(self) -> float:
        """Marsaglia's polar method, which gives two numbers at a time."""
        if self.second is not None:
            found, self.second = self.second, None
            return found
        while True:
            one, other = 2 * self.next_double() - 1, 2 * self.next_double() - 1
            square = one * one + other * other
            if 0 < square < 1:
                factor = math.sqrt(-2 * math.log(square) / square)
                self.second = other * factor
                return one * factor


def java_hash(text: str) -> int:
    value = 0
    for character in text:
        value = (31 * value + ord(character)) & 0xFFFFFFFF
    return value - (1 << 32) if value >= 1 << 31 else value
