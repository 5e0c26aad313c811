"""Arguments written in one line: `path=/x state=directory`, and a command with options among its words."""

from __future__ import annotations

import codecs
import re

# Options that may stand among the words of a free-form command; all other words are the command's own.
RAW_OPTIONS = frozenset(
    ["creates", "removes", "chdir", "executable", "warn", "stdin", "stdin_add_newline", "strip_empty_ends"]
)
_OPENING = re.compile(r"\{\{|\{%|\{#")
_CLOSING = {"{{": "}}", "{%": "%}", "{#": "#}"}
# What a backslash means in the value of an option; in words that are no option it is the shell's.
_ESCAPE = re.compile(r"""\\U[0-9a-fA-F]{8}|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\N\{[^}]+\}|\\[\\'"abfnrtv]""")
_TEMPLATED_NAME = re.compile(r"\w*\{\{.*?\}\}\w*(?==)", re.DOTALL)
_OPTION = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class UnbalancedError(ValueError):
    """A quote or a template that is opened and never closed."""


def words(text: str) -> list[tuple[int, int]]:
    """The spans of the words in `text`: white space divides, but not within quotes or templates.

    Raises:
        UnbalancedError: for a quote or template without its end.
    """
    spans: list[tuple[int, int]] = []
    start: int | None = None
    at = 0
    while at < len(text):
        char = text[at]
        opening = _OPENING.match(text, at)
        if char.isspace():
            if start is not None:
                spans.append((start, at))
                start = None
            at += 1
            continue
        if start is None:
            start = at
        if opening:
            end = text.find(_CLOSING[opening.group()], at + 2)
            if end < 0:
                raise UnbalancedError(f"the template that begins with {text[at : at + 20]!r} has no end")
            at = end + 2
        elif char == "\\" and at + 1 < len(text):
            at += 2
        elif char in "'\"":
            at = _quote_end(text, at) + 1
        else:
            at += 1
    if start is not None:
        spans.append((start, len(text)))
    return spans


def _quote_end(text: str, at: int) -> int:
    quote = text[at]
    end = at + 1
    while end < len(text):
        if text[end] == quote:
            return end
        end += 2 if text[end] == "\\" else 1
    raise UnbalancedError(f"the quote in {text[at : at + 20]!r} has no end")


def _unquote(word: str) -> str:
    if len(word) > 1 and word[0] == word[-1] and word[0] in "'\"":
        return word[1:-1]
    return word


def _option(word: str) -> tuple[str, str] | None:
    """The name and value of `name=value`; None for any other word."""
    template = _TEMPLATED_NAME.match(word)
    name, equals, value = (
        (template[0], word[template.end()], word[template.end() + 1 :]) if template else word.partition("=")
    )
    if not equals or not (template or _OPTION.fullmatch(name)):
        return None
    return name, _unquote(_ESCAPE.sub(lambda found: codecs.decode(found[0], "unicode-escape"), value))


def options(text: str) -> tuple[dict[str, str], list[str]]:
    """The `name=value` words of `text`, and the words that are none."""
    found: dict[str, str] = {}
    rest = []
    for start, end in words(text):
        pair = _option(text[start:end])
        if pair:
            found[pair[0]] = pair[1]
        else:
            rest.append(text[start:end])
    return found, rest


def command(text: str) -> tuple[str, dict[str, str]]:
    """A free-form command without the options among its words, and those options. Spacing stays as it was written."""
    found: dict[str, str] = {}
    kept = ""
    at = 0
    for start, end in words(text):
        pair = _option(text[start:end])
        if pair and pair[0] in RAW_OPTIONS:
            found[pair[0]] = pair[1]
            kept += text[at:start]
            # The blanks behind the option go with it.
            at = end + len(text[end:]) - len(text[end:].lstrip())
    kept += text[at:]
    return (kept.strip() if found else kept), found
