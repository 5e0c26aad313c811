"""Ansible's host patterns: which hosts `workers:!worker-3`, `spark[0:1]` or `~worker-\\d` name."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from sparkbed.errors import UsageError
from sparkbed.nearest import nearest

_SUBSCRIPT = re.compile(r"(?P<base>.+)\[(?:(?P<index>-?\d+)|(?P<start>\d+):(?P<end>\d*))\]")
# Colons separate patterns, but not inside brackets: workers[0:1]:master is two patterns.
_BY_COLON = re.compile(r"(?:[^\s:\[\]]|\[[^\]]*\])+")
_GLOB = frozenset("*?[")


def select(
    pattern: str,
    members: Mapping[str, Sequence[str]],
    hosts: Sequence[str],
    *,
    strict: bool = True,
    here: Collection[str] = (),
) -> list[str]:
    """The hosts that `pattern` names, each once, in the order in which the pattern's parts name them.

    Args:
        pattern: names, groups, globs, `~regex`, joined by `,` or `:`; `&part` keeps what is in both, `!part` takes out.
        members: every group's hosts, those of its children among them.
        hosts: all hosts.
        strict: whether a part that names nothing is an error; otherwise it names no host.
        here: names that stand for themselves where they name nothing else.

    Raises:
        UsageError: for a part that names nothing if `strict`, a subscript out of range, or a broken regular expression.
    """
    parts = _split(pattern, [*hosts, *here])

    def named(part: str) -> list[str]:
        try:
            return _one(part, members, hosts)
        except UsageError:
            if part in here:
                return [part]
            if strict:
                raise
            return []

    united = [part for part in parts if part[0] not in "!&"]
    chosen = list(dict.fromkeys(name for part in united or ["all"] for name in named(part)))
    for part in (part for part in parts if part[0] == "&"):
        kept = set(named(part[1:]))
        chosen = [name for name in chosen if name in kept]
    for part in (part for part in parts if part[0] == "!"):
        dropped = set(named(part[1:]))
        chosen = [name for name in chosen if name not in dropped]
    return chosen


def _split(pattern: str, hosts: Iterable[str]) -> list[str]:
    if "," in pattern:
        parts = [part.strip() for part in pattern.split(",")]
    elif pattern.strip().startswith("~") or pattern in hosts:
        parts = [pattern.strip()]
    else:
        parts = _BY_COLON.findall(pattern)
    parts = [part for part in parts if part.strip("!&")]
    if not parts:
        raise UsageError("the host pattern is empty", hint="Name hosts or groups; 'all' names every host.")
    return parts


def _one(part: str, members: Mapping[str, Sequence[str]], hosts: Sequence[str]) -> list[str]:
    if part in hosts:
        return [part]
    if part.startswith("~"):
        return _matching(_compiled(part[1:]), members, hosts)
    match = _SUBSCRIPT.fullmatch(part)
    if not match:
        return _named(part, members, hosts)
    found = _named(match["base"], members, hosts)
    if match["index"] is not None:
        try:
            return [found[int(match["index"])]]
        except IndexError:
            raise UsageError(
                f"{part!r} asks for a host that {match['base']!r} doesn't have: it has {len(found)}",
                hint="Subscripts count from 0; -1 is the last.",
            ) from None
    start, end = int(match["start"]), match["end"]
    return found[start : int(end) + 1] if end else found[start:]


def _named(name: str, members: Mapping[str, Sequence[str]], hosts: Sequence[str]) -> list[str]:
    """The hosts of the group `name`, the host of that name, or what the glob matches; subscripts are off already."""
    if name in members:
        return list(members[name])
    if name in hosts:
        return [name]
    if _GLOB & set(name):
        found = _matching(re.compile(fnmatch.translate(name)), members, hosts)
        if found:
            return found
    raise _unknown(name, members, hosts)


def _matching(regex: re.Pattern[str], members: Mapping[str, Sequence[str]], hosts: Sequence[str]) -> list[str]:
    found = [host for group in members if regex.match(group) for host in members[group]]
    found += [host for host in hosts if regex.match(host)]
    return list(dict.fromkeys(found))


def _compiled(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise UsageError(f"'~{text}' is no regular expression: {error}", hint="Check it, or name hosts.") from None


def _unknown(name: str, members: Mapping[str, Sequence[str]], hosts: Sequence[str]) -> UsageError:
    return UsageError(
        f"the inventory has no host or group {name!r}",
        hint=nearest(name, [*members, *hosts], every="It has"),
    )
