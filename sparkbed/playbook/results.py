"""What came of a playbook: counts by host as Ansible's recap has them, failures, and registered values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sparkbed.errors import HostError, PlaybookError, SparkbedError
from sparkbed.position import Position


@dataclass
class Counts:
    """One host's line of the recap. `ok` counts changed and ignored ones too, as in Ansible."""

    ok: int = 0
    changed: int = 0
    unreachable: int = 0
    failed: int = 0
    skipped: int = 0
    rescued: int = 0
    ignored: int = 0


@dataclass(frozen=True)
class Failure:
    """Why a host left the play: the task, its place, its message and its whole result."""

    host: str
    task: str
    position: Position
    message: str
    unreachable: bool = False
    result: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, repr=False)
class PlayResult:
    """What came of a playbook. `failed` has the hosts that did not come to its end, and why."""

    recap: Mapping[str, Counts]
    failures: Mapping[str, Failure]
    facts_by_host: Mapping[str, Mapping[str, Any]]

    @property
    def ok(self) -> bool:
        return not self.failures

    @property
    def failed(self) -> dict[str, str]:
        """The hosts that failed or could not be reached, with the message of the task."""
        return {host: failure.message for host, failure in self.failures.items()}

    def facts(self, host: str) -> Mapping[str, Any]:
        """What tasks registered and set for `host`."""
        return self.facts_by_host.get(host, {})

    def registered(self, host: str, name: str) -> Any:
        """The value of `register: name` (or of the fact `name`) on `host`; None if no task gave it."""
        return self.facts(host).get(name)

    def require(self, what: str = "the playbook") -> PlayResult:
        """This result, when every host came to the end.

        Raises:
            HostError: when hosts could not be reached, and none failed.
            PlaybookError: naming the host, the task and what it said.
        """
        if self.ok:
            return self
        # A task that failed tells more than a host that did not answer.
        first = min(self.failures.values(), key=lambda failure: failure.unreachable)
        others = [host for host in self.failures if host != first.host]
        also = f" (and on {', '.join(others)})" if others else ""
        said = first.message.strip() or "no message"
        if first.unreachable:
            raise HostError(
                said if said.startswith(first.host) else f"{first.host} can't be reached{also}: {said}",
                where=first.position,
                hint=f"{what} stopped at task [{first.task}]. Is the host up? ./inv status says so.",
            )
        details = _details(first.result)
        raise PlaybookError(
            f"task [{first.task}] failed on {first.host}{also}: {said}{details}",
            where=first.position,
            hint=f"{what} stopped there. Run it again when the cause is mended; what is done already stays done.",
        )


def _details(result: Mapping[str, Any]) -> str:
    """The last lines of what a command wrote, if it wrote anything."""
    for stream in ("stderr", "stdout"):
        text = result.get(stream)
        if isinstance(text, str) and text.strip():
            lines = text.strip().splitlines()[-8:]
            return "\n    " + "\n    ".join(lines)
    return ""


class Aborted(SparkbedError):
    """The whole run has to end: a playbook asks for something that can't be, such as a handler that is not there."""
