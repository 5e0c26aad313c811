"""JSON by the C half of the module json alone: its Python half loads `re`, which doubles the time of an agent's start.

A Python without that half, or whose half is called otherwise, takes the whole module.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _Rules:
    """What json.JSONDecoder tells its scanner."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float


def _no_json(value: "Any") -> "Any":
    raise TypeError(f"{type(value).__name__} can't be written as JSON")


def dumps(value: "Any") -> str:
    """The value in one line of ASCII. Raises TypeError for what JSON has not, ValueError for a value within itself."""
    if _encode is None:
        import json

        return json.dumps(value)
    return "".join(_encode({}, value))


def loads(text: str) -> "Any":
    """The value of a whole line. Raises ValueError where it is not JSON."""
    if _scan is None:
        import json

        return json.loads(text)
    text = text.strip()
    try:
        value, end = _scan(text, 0)
    except StopIteration:
        end = -1
    if end != len(text):
        raise ValueError(f"not JSON: {text[:60]!r}")
    return value


def _halves() -> "tuple[Any, Any]":
    """The encoder and the scanner of this Python's own, if they do as they should."""
    try:
        c = __import__("_json")  # type: Any

        def encode(seen: "dict[int, Any]", value: "Any") -> "Any":
            rules = (seen, _no_json, c.encode_basestring_ascii, None, ": ", ", ", False, False, True)
            return c.make_encoder(*rules)(value, 0)

        scan = c.make_scanner(_Rules)
        sample = '{"a": [1, -2.5, "b\\u00e9", true, null]}'
        if "".join(encode({}, scan(sample, 0)[0])) == sample:
            return encode, scan
    except (ImportError, TypeError, AttributeError):
        pass
    return None, None


_encode, _scan = _halves()
