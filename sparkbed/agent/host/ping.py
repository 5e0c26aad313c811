from .framing import Call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def ping(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    """Answer `data`: the agent is alive."""
    data = args.get("data", "pong")
    if data == "crash":
        raise RuntimeError("boom")
    return {"ping": data}
