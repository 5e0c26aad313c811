"""The words after a verb, checked before Invoke reads them: its own messages name neither near flags nor values."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sparkbed.errors import UsageError
from sparkbed.nearest import nearest


def flag_of(name: str) -> str:
    """How an argument is written: `-k`, or `--skip-tags` for skip_tags."""
    return f"-{name}" if len(name) == 1 else f"--{name.replace('_', '-')}"


def unknown_verb(word: str, verbs: Sequence[str]) -> UsageError:
    return UsageError(
        f"there is no verb {word!r}", hint=f"{nearest(word, verbs)} ./inv VERB --help shows the flags of one."
    )


def check_flag(verb: str, word: str, following: Sequence[str], arguments: Sequence[Any]) -> bool:
    """Whether the flag in `word` takes the word after it as its value. Short flags run together are left to Invoke.

    Raises:
        UsageError: for an unknown flag, a value that is absent, or one that is no whole number where it must be.
    """
    flag, equals, given = word.partition("=")
    known = {flag_of(name): argument for argument in arguments for name in argument.names}
    argument = known.get(flag)
    if argument is None:
        if flag.startswith("--") and flag not in (*known, "--help", *_inverse(known)):
            raise UsageError(f"{verb} has no flag {flag}", hint=f"{nearest(flag, _long(known), every='It has')}")
        return False
    if not argument.takes_value:
        return False
    if not equals and not following:
        raise UsageError(f"{flag} needs a value", hint=f"./inv {verb} --help shows an example.")
    value = given if equals else following[0]
    # Every whole number on the command line counts something: trials, forks, rounds.
    if argument.kind is int and (not re.fullmatch(r"[0-9]{1,9}", value) or int(value) < 1):
        raise UsageError(f"{flag} must be a whole number from 1 on, not {value!r}", hint=f"For example: {flag} 3")
    return not equals


def spelled_out(verb: str, words: Sequence[str], short: Mapping[str, str], arguments: Sequence[Any]) -> list[str]:
    """`words` with the short flags in `short` (letter: long flag) written out: `-CDf5 -vv` and `-e x=1` too.

    Raises:
        UsageError: for a letter that is no short flag, where the verb has its own.
    """
    if not short:
        return list(words)
    takes = {name.replace("_", "-"): argument.takes_value for argument in arguments for name in argument.names}
    result: list[str] = []
    value_next = False
    for word in words:
        if value_next or not re.match(r"-[A-Za-z]", word) or word == "-h":
            value_next = not value_next and "=" not in word and takes.get(word[2:], False) and word.startswith("--")
            result.append(word)
            continue
        for position, letter in enumerate(word[1:], 1):
            if letter not in short:
                flags = ", ".join(f"-{one} (--{name})" for one, name in short.items())
                raise UsageError(f"{verb} has no flag -{letter}", hint=f"It has: {flags}, -h (--help).")
            if takes[short[letter]]:
                value = word[position + 1 :].removeprefix("=")
                result.append(f"--{short[letter]}={value}" if value else f"--{short[letter]}")
                value_next = not value
                break
            result.append(f"--{short[letter]}")
    return result


def refuse_elsewhere(verb: str, words: Sequence[str], elsewhere: Sequence[str]) -> None:
    """Refuse a flag of Ansible's that the verb leaves out, as such.

    Raises:
        UsageError: naming the flag and what to do.
    """
    for word in words:
        flag = word.partition("=")[0].removeprefix("--")
        if word.startswith("--") and flag in elsewhere:
            raise UsageError(
                f"{verb} has no flag --{flag}; ansible-playbook has it",
                hint="Users, keys and become stand in the inventory and the playbook; a run asks no questions. "
                "docs/playbooks.md names the flags.",
            )


def too_many(verb: str, word: str, bare_word: str | None) -> UsageError:
    takes = f"takes one word, the {bare_word}" if bare_word else "takes no words"
    return UsageError(
        f"{verb} {takes}: {word!r} is too many", hint=f"Quote what belongs together; ./inv {verb} --help shows flags."
    )


def words_in(flag: str, text: str) -> list[str]:
    """The words of a flag's value, split as a shell would.

    Raises:
        UsageError: for a quote without its other half.
    """
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(
            f"{flag} {text!r}: {str(error)[:1].lower()}{str(error)[1:]}", hint="Quote it as in a shell."
        ) from None


def _long(known: Iterable[str]) -> list[str]:
    return [*(flag for flag in known if flag.startswith("--")), "--help"]


def _inverse(known: dict[str, Any]) -> list[str]:
    return [
        f"--no-{flag[2:]}" for flag, argument in known.items() if flag.startswith("--") and argument.default is True
    ]
