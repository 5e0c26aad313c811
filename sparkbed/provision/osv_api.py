"""A client of the REST API that an OSv image has (module httpserver-api): is it up, its memory, console and files.

(Contract: OSv's api-doc/listings/*.json, of v0.57.) Programs are started by the driver: playbooks/osv/files/.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from sparkbed.errors import PlatformError

HINTS = {404: "Is it OSv with the module httpserver-api? httpserver-monitoring-api has the reading half of it only."}


@dataclass(frozen=True)
class Memory:
    """Bytes."""

    total: int
    free: int


class Osv:
    """One OSv instance at http://HOST:8000.

    Raises:
        PlatformError: from every method: no answer, or a refusal in words for people.
    """

    def __init__(self, address: str, timeout: float = 30) -> None:
        self.address = address.rstrip("/")
        self._timeout = timeout

    def wait_up(self, seconds: float, every: float = 0.2) -> str:
        """OSv's version, once it answers.

        Raises:
            PlatformError: when it does not within `seconds`.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self.version()
            except PlatformError as error:
                if time.monotonic() >= deadline:
                    raise PlatformError(
                        f"no OSv answers at {self.address} after {seconds:g} s: {error.what}",
                        hint="Has the image booted? Its console says; the REST API needs httpserver-api in the image.",
                    ) from error
            time.sleep(every)

    def version(self) -> str:
        return _text(self._ask("GET", "/os/version"))

    def memory(self) -> Memory:
        return Memory(*(int(_text(self._ask("GET", f"/os/memory/{which}"))) for which in ("total", "free")))

    def dmesg(self) -> str:
        """What the kernel has told."""
        return _text(self._ask("GET", "/os/dmesg"))

    def read(self, path: str) -> str:
        """A text file of the instance."""
        return self._ask("GET", f"/file{quote(path)}", {"op": "GET"})

    def remove(self, path: str) -> None:
        self._ask("DELETE", f"/file{quote(path)}", {"op": "DELETE"})

    # -- the wire -----------------------------------------------------------------------------------------------------

    def _ask(self, method: str, path: str, parameters: Mapping[str, str] | None = None) -> str:
        place = urlsplit(self.address)
        kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
        connection = kind(place.hostname or "", place.port, timeout=self._timeout)
        target = f"{path}?{urlencode(parameters, quote_via=quote)}" if parameters else path
        try:
            connection.request(method, target)
            answer = connection.getresponse()
            status, text = answer.status, answer.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise PlatformError(
                f"OSv at {self.address} does not answer {method} {path}: {error or type(error).__name__}",
                hint="Is the instance up, and its port reached from here?",
            ) from error
        finally:
            connection.close()
        if not 200 <= status < 300:
            said = text.strip()
            raise PlatformError(
                f"OSv at {self.address} answered {method} {path} with {status}{f': {said}' if said else ''}",
                hint=HINTS.get(status),
            )
        return text


def _text(answer: str) -> str:
    """A text as the API answers it: in JSON's quotes, or bare."""
    try:
        value: Any = json.loads(answer)
    except ValueError:
        return answer.strip()
    return value if isinstance(value, str) else answer.strip()
