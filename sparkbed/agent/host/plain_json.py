"""JSON by the C half of the module json: the other one loads `re`, which doubles the time of an agent's start."""

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
    raise TypeError(type(value).__name__)


def dumps(value: "Any") -> str:
    """One line of ASCII. Raises TypeError for what JSON has not, ValueError for a value within itself."""
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
    """The encoder and the scanner; None where this Python has not both, or they do otherwise."""
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
