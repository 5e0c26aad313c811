"""A client of the REST API that an OSv image has (module httpserver-api): programs, memory, console, power.

(Contract: OSv's api-doc/listings/*.json, of v0.57.) A unikernel is one process: what it "runs" are threads, so a
program is known by a thread's id, and there is no signal to end one: powering off is what ends it.
"""

from __future__ import annotations

import http.client
import json
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from sparkbed.errors import PlatformError

HINTS = {
    404: "Is it OSv with the module httpserver-api? httpserver-monitoring-api has the reading half of it only.",
    400: "OSv does not take the command: it has to name a program in the image, and may hold no ';'.",
}


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

    # -- programs -----------------------------------------------------------------------------------------------------

    def start(self, command: Sequence[str]) -> str:
        """Starts a program, and returns the id of its first thread."""
        words = " ".join(_word(one) for one in command)
        return _text(self._ask("PUT", "/app/", {"command": words, "new_program": "true"}))

    def finished(self, thread: str) -> bool:
        """Whether the program's first thread has ended. OSv says nothing of how."""
        said = _text(self._ask("GET", "/app/finished", {"tid": thread}))
        if said not in ("0", "1"):
            raise PlatformError(f"OSv at {self.address} answered {said!r} when asked whether {thread} has finished")
        return said == "1"

    def wait(self, thread: str, seconds: float, every: float = 0.5) -> bool:
        """Whether the program ended within `seconds`."""
        deadline = time.monotonic() + seconds
        while not self.finished(thread):
            if time.monotonic() >= deadline:
                return False
            time.sleep(min(every, max(0.0, deadline - time.monotonic())))
        return True

    # -- the system ---------------------------------------------------------------------------------------------------

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
        """What the console has shown: the programs' output too."""
        return _text(self._ask("GET", "/os/dmesg"))

    def set_environment(self, values: Mapping[str, str]) -> None:
        """Sets variables for programs that are started from now on."""
        for name, value in values.items():
            self._ask("POST", f"/env/{quote(name, safe='')}", {"val": value})

    def environment(self, name: str) -> str:
        return _text(self._ask("GET", f"/env/{quote(name, safe='')}"))

    def power_off(self) -> None:
        """Ends the instance. It may be gone before it has answered."""
        try:
            self._ask("POST", "/os/poweroff")
        except PlatformError as error:
            if not isinstance(error.__cause__, (ConnectionError, http.client.RemoteDisconnected)):
                raise

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
                hint="Is the instance up, and its port 8000 reached from here?",
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


def _word(text: str) -> str:
    """A word of OSv's command line, quoted where its loader needs it."""
    if ";" in text or '"' in text or not text.isprintable():
        raise PlatformError(
            f"{text!r} can't be a word of a command on OSv",
            hint="Its REST API refuses ';', and quotes can't be in quotes.",
        )
    return text if text and shlex.quote(text) == text else f'"{text}"'


def _text(answer: str) -> str:
    """A text as the API answers it: in JSON's quotes, or bare."""
    try:
        value: Any = json.loads(answer)
    except ValueError:
        return answer.strip()
    return value if isinstance(value, str) else answer.strip()
