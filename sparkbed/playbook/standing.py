"""Where hosts stand in a run, and how a play ends before its last task."""

from __future__ import annotations

from dataclasses import dataclass, field

from sparkbed.playbook.keywords import Refusal
from sparkbed.playbook.results import Counts, Failure
from sparkbed.playbook.tags import Choice


@dataclass(eq=False, repr=False)
class HostState:
    """Where a host stands in a play.

    `twice`: it was failed twice at once, as ansible-core does it to the other hosts when a `run_once` task fails: the
    next part of its innermost block (rescue, else always) is passed over then.
    `notifications` are what tasks asked for, `notified` the handlers that are to run at the next flush.
    `leaving`: it goes on behind the role that it is in (`meta: end_role`).
    `removed`: for how many reasons it is not among `ansible_play_hosts`; a failure of its own that is rescued is none.
    """

    failed: bool = False
    twice: bool = False
    unreachable: bool = False
    ended: bool = False
    leaving: bool = False
    removed: int = 0
    notifications: dict[str, None] = field(default_factory=dict)
    notified: set[int] = field(default_factory=set)
    flushing: bool = False

    @property
    def active(self) -> bool:
        return not (self.failed or self.unreachable or self.ended)


@dataclass(eq=False, repr=False)
class Progress:
    """What a run of several plays carries on: counts, failures, and the task to start at.

    `stopped` are the hosts that another one's failure failed (any_errors_fatal, run_once), and why: as in ansible-core,
    they are in no later play, also when a rescue let them go on in this one, and a later play counts them as failed.
    `choice` is what the tags ask for, `refuse` makes the errors of files that tasks include.
    """

    refuse: Refusal
    choice: Choice = field(default_factory=Choice)
    counts: dict[str, Counts] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    start_at: str | None = None
    stopped: dict[str, Failure] = field(default_factory=dict)

    @property
    def lost(self) -> set[str]:
        """The hosts that no later play has."""
        return self.failures.keys() | self.stopped.keys()

    def count(self, host: str) -> Counts:
        return self.counts.setdefault(host, Counts())


class EndBatch(Exception):  # no error: `meta: end_batch`
    """The play ends here for all hosts of the batch."""


class EndPlay(EndBatch):  # no error: `meta: end_play`
    """The play ends here for all hosts, those of later batches too."""


class TooManyFailures(EndBatch):  # no error: the failures have been told
    """More hosts failed than `max_fail_percentage` allows: this is the last play."""
