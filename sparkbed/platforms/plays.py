"""A platform's plays: run one, and turn a failed one into an error that names host and daemon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparkbed.errors import HostError, PlatformError
from sparkbed.platforms.base import PlayRunner

if TYPE_CHECKING:  # the playbook room brings Fabric along, which a list of platforms does not need
    from sparkbed.playbook.results import Failure


def play(runner: PlayRunner, path: Path, extra_vars: Mapping[str, Any], what: str, limit: Sequence[str] = ()) -> None:
    """Run the playbook at `path`; `what` says in an error what did not come about. `limit` names hosts; empty: all.

    Raises:
        HostError: when hosts can't be reached, and nothing else went wrong.
        PlatformError: when a task failed; it names each host with what the task said there.
    """
    result = runner.play(path, extra_vars=extra_vars, limit=",".join(limit) or None)
    if result.ok:
        return
    failed = [one for one in result.failures.values() if not one.unreachable]
    gone = [one for one in result.failures.values() if one.unreachable]
    if not failed:
        raise HostError(
            f"{what}: {', '.join(one.host for one in gone)} can't be reached: {gone[0].message}",
            hint="Is the host up? ./inv status says so.",
        )
    # Hosts that were only stopped because of another one have nothing to say.
    failed = [one for one in failed if one.result] or failed
    raise PlatformError(
        f"{what}: {'; '.join(_told(failed))}",
        where=failed[0].position,
        hint=f"The task that failed: {failed[0].task}.",
    )


def _told(failed: Sequence[Failure]) -> list[str]:
    """What each host said; hosts that said the same stand together."""
    hosts: dict[str, list[str]] = {}
    for one in failed:
        hosts.setdefault(_said(one), []).append(one.host)
    return [f"{', '.join(those)}: {said}" for said, those in hosts.items()]


def _said(failure: Failure) -> str:
    """What a failed task said: a command's standard error, else the message."""
    error = failure.result.get("stderr")
    return error.strip() if isinstance(error, str) and error.strip() else failure.message.strip()
