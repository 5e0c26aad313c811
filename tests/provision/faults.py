"""Faults of EC2, put between boto3 and moto: each is an answer (or none) such as AWS gives, at one call of a walk.

boto3 sends, parses and retries for real; only the wire is ours. What is not hit goes on to moto.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from botocore import handlers
from botocore.awsrequest import AWSResponse
from moto.core.models import botocore_stubber


class _Raw:
    """The body of an answer, as urllib3 hands it over."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self._body


def refused(code: str, message: str, status: int = 400) -> Callable[[Any], AWSResponse]:
    """A fault: the API refuses, in EC2's XML."""
    error = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
    body = f"<Response><Errors><Error>{error}</Error></Errors><RequestID>r-1</RequestID></Response>".encode()
    return lambda request: AWSResponse(request.url, status, {}, _Raw(body))


def unanswered(request: Any) -> AWSResponse:
    """A fault: no answer came in time."""
    from botocore.exceptions import ReadTimeoutError

    raise ReadTimeoutError(endpoint_url=request.url)


Hit = Callable[[str, int], bool]
"""Whether a request is hit: its action, and its number among all requests of the walk, from 0."""


@dataclass
class Wire:
    """What went over the wire: `seen` are the actions in order; `fault` answers those that `hit` chooses.

    With `served` the API does what it is asked all the same, and only its answer is lost.
    """

    hit: Hit = lambda action, number: False
    fault: Callable[[Any], AWSResponse] = unanswered
    served: bool = False
    seen: list[str] = field(default_factory=list)

    def answer(self, request: Any, event_name: str, moto: Callable[..., Any]) -> Any:
        body = request.body or b""
        text = body.decode() if isinstance(body, bytes) else str(body)
        action = parse_qs(text).get("Action", [""])[0]
        if not action:  # SSM, IAM, prices
            return moto(event_name=event_name, request=request)
        number = len(self.seen)
        self.seen.append(action)
        if not self.hit(action, number):
            return moto(event_name=event_name, request=request)
        if self.served:
            moto(event_name=event_name, request=request)
        return self.fault(request)


class _Switch:
    """Stands where moto's handler stood, and asks it unless a wire is between."""

    def __init__(self, moto: Callable[..., Any]) -> None:
        self._moto = moto
        self.wire: Wire | None = None

    def __call__(self, event_name: str, request: Any, **_: Any) -> Any:
        if self.wire is None:
            return self._moto(event_name=event_name, request=request)
        return self.wire.answer(request, event_name, self._moto)


SWITCH = _Switch(botocore_stubber)
handlers.BUILTIN_HANDLERS[handlers.BUILTIN_HANDLERS.index(("before-send", botocore_stubber))] = ("before-send", SWITCH)


@contextmanager
def wired(wire: Wire) -> Iterator[Wire]:
    """Everything that boto3 sends goes through `wire` meanwhile. Ask for it inside moto's own."""
    SWITCH.wire = wire
    try:
        yield wire
    finally:
        SWITCH.wire = None
