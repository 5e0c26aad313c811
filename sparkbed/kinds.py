"""The names of YAML's kinds of values, for messages."""

from __future__ import annotations

LONGEST = 60
"""Characters of a value that a message shows."""


def kind(value: object) -> str:
    """What `value` is, as a message names it: `a list`, `the text 'six'`, `the value 3`."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return f"the truth value {str(value).lower()}"
    shown = repr(value)
    if len(shown) > LONGEST:
        shown = f"{shown[:LONGEST]}..."
    return f"the text {shown}" if isinstance(value, str) else f"the value {shown}"
