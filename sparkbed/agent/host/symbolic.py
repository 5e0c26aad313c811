"""Symbolic modes, as chmod reads them: u=rwX,go-w."""

import os
import re
import stat as modes

from .framing import Failed

_CLAUSE = re.compile(r"^([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]))+)$")
_SHIFT = {"u": 6, "g": 3, "o": 0}


def changed_mode(text: str, current: int, directory: bool) -> int:
    """The permission bits that `current` becomes."""
    for clause in text.split(","):
        current = _apply_clause(clause, current, directory)
    return current


def _apply_clause(clause: str, current: int, directory: bool) -> int:
    match = _CLAUSE.match(clause.strip())
    if not match:
        raise Failed(f"mode must be in octal or symbolic form: {clause!r} is neither")
    umask = 0
    if not match.group(1):  # chmod leaves out what the umask forbids when no user class is named
        umask = os.umask(0)
        os.umask(umask)
    classes = match.group(1).replace("a", "ugo") or "ugo"
    before = current
    for operator, letters in re.findall(r"([-+=])([ugo]|[rwxXst]*)", match.group(2)):
        for who in set(classes):
            bits = _bits(who, letters, before, directory) & ~umask
            if operator == "+":
                current |= bits
            elif operator == "-":
                current &= ~bits
            else:
                special = {"u": modes.S_ISUID, "g": modes.S_ISGID, "o": modes.S_ISVTX}[who]
                current = current & ~((7 << _SHIFT[who]) | special) | bits
    return current


def _bits(who: str, letters: str, before: int, directory: bool) -> int:
    if letters in ("u", "g", "o"):
        return ((before >> _SHIFT[letters]) & 7) << _SHIFT[who]
    bits = 0
    for letter in letters:
        if letter in "rwx":
            bits |= {"r": 4, "w": 2, "x": 1}[letter] << _SHIFT[who]
        elif letter == "X" and (directory or before & 0o111):
            bits |= 1 << _SHIFT[who]
        elif letter == "s":
            bits |= {"u": modes.S_ISUID, "g": modes.S_ISGID, "o": 0}[who]
        elif letter == "t":
            bits |= modes.S_ISVTX
    return bits
