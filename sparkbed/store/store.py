"""`Store`: what the rest of sparkbed sees of the database. Each method is one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from sqlalchemy import Connection

from sparkbed.errors import StoreError
from sparkbed.model import Acknowledgement, Campaign, PlannedTrial, Sample, Series, TaskTable, Trial
from sparkbed.store import campaigns, history, trials
from sparkbed.store.database import faults_explained, open_database
from sparkbed.store.schema import campaigns as campaign_table

T = TypeVar("T")


class Store:
    """The database at `path`, made or migrated when opened. Any number of processes and threads may have it open.

    What a method has written when it returns survives the end of the process, `kill -9` included.

    Raises:
        StoreError: from the constructor and every method, when the file is no database of ours, was written by a newer
            sparkbed, or can't be read or written. Its text names the file and what to do.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path).absolute()
        self._engine = open_database(self.path)
        self._writer = self._engine.execution_options(begin="BEGIN IMMEDIATE")

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with faults_explained(self.path), self._writer.begin() as connection:
            yield connection

    def _read(self, query: Callable[..., T], *arguments: Any) -> T:
        with faults_explained(self.path), self._engine.begin() as connection:
            return query(connection, *arguments)

    # -- campaigns -----------------------------------------------------------------------------------------------------

    def add_campaign(self, campaign: Campaign) -> None:
        """Record a campaign and its cells. One whose status is running is claimed by this process."""
        with self._write() as connection:
            campaigns.insert_campaign(connection, campaign)
            if campaign.status == "running":
                campaigns.take_claim(connection, campaign.id)

    def set_status(
        self, campaign_id: str, status: str, finished: str | None = None, facts: Mapping[str, Any] | None = None
    ) -> None:
        """Record how a campaign stands. `finished` replaces what is there, also by None; `facts` are added by key."""
        with self._write() as connection:
            campaigns.update_status(connection, campaign_id, status, finished, facts)

    def claim(self, campaign_id: str) -> None:
        """Take a campaign for this process, before resuming it.

        Raises:
            StoreError: when another live process has it.
        """
        with self._write() as connection:
            campaigns.take_claim(connection, campaign_id)

    def release(self, campaign_id: str) -> None:
        """Give up what `claim` or `add_campaign` took. Without it, the end of the process has the same effect."""
        with self._write() as connection:
            campaigns.drop_claim(connection, campaign_id)

    def claimant(self, campaign_id: str) -> int | None:
        """The pid of the live process that runs the campaign, if there is one."""
        return self._read(campaigns.claimant, campaign_id)

    def campaigns(self, suite: str | None = None) -> list[Campaign]:
        """Newest first. One recorded as running that no live process has claimed reads as interrupted."""
        conditions = () if suite is None else (campaign_table.c.suite == suite,)
        return self._read(campaigns.select_campaigns, *conditions)

    def campaign(self, wanted: str | None = None) -> Campaign:
        """The campaign whose id is `wanted` or begins with it; the newest for None.

        Raises:
            UsageError: when there is none, or several; its hint names the newest.
        """
        return self._read(campaigns.find_campaign, wanted)

    def resumable(self, suite: str, fingerprint: str) -> Campaign | None:
        """The newest campaign of this suite and fingerprint that has not ended (running or interrupted)."""
        conditions = (
            campaign_table.c.suite == suite,
            campaign_table.c.fingerprint == fingerprint,
            campaign_table.c.status.in_(("running", "interrupted")),
        )
        return next(iter(self._read(campaigns.select_campaigns, *conditions)), None)

    def missing(self, campaign_id: str, schedule: Iterable[PlannedTrial]) -> list[PlannedTrial]:
        """What of `schedule` has no trial yet, in its order. A failed trial is a trial."""
        recorded = {(trial.cell, trial.number) for trial in self.trials(campaign_id)}
        return [planned for planned in schedule if (planned.cell, planned.number) not in recorded]

    def add_document(self, campaign_id: str, name: str, text: str) -> None:
        """Keep a text with a campaign: a rendered config, the suite's YAML, versions. The same name replaces it."""
        with self._write() as connection:
            campaigns.put_document(connection, campaign_id, name, text)

    def documents(self, campaign_id: str) -> dict[str, str]:
        """A campaign's documents, by name."""
        return self._read(campaigns.select_documents, campaign_id)

    # -- history -------------------------------------------------------------------------------------------------------

    def acknowledge(self, known: Acknowledgement) -> None:
        """Keep it; one of the same cell, metric and campaign is replaced."""
        with self._write() as connection:
            history.put_acknowledgement(connection, known)

    def forget(self, known: Acknowledgement) -> None:
        """Take an acknowledgement back."""
        with self._write() as connection:
            history.delete_acknowledgement(connection, known)

    def acknowledgements(self) -> list[Acknowledgement]:
        """Oldest first."""
        return self._read(history.select_acknowledgements)

    def remove_artifacts(self, campaign_id: str) -> int:
        """Take away the contents of a campaign's artifacts that are in the database, and the paths of others.

        Names, sizes and digests stay, and so does everything that is a number. How many there were.
        """
        with self._write() as connection:
            return history.clear_artifacts(connection, campaign_id)

    # -- trials --------------------------------------------------------------------------------------------------------

    def add_trial(
        self,
        trial: Trial,
        samples: Sequence[Sample],
        series: Iterable[Series] = (),
        tasks: TaskTable | None = None,
        artifacts: Mapping[str, Path | bytes] | None = None,
    ) -> None:
        """Record a trial with all that belongs to it, or nothing of it.

        Of an artifact given as a path only path, digest and size are recorded: the file stays where it is.

        Raises:
            StoreError: when this number of this cell is recorded already, or the campaign has no such cell.
        """
        try:
            rest = trials.belongings(samples, series, tasks, artifacts or {}, self.path.parent)
        except ValueError as error:
            raise StoreError(f"trial {trial.id} can't be recorded: {error}") from error
        with self._write() as connection:
            rest.insert(connection, trials.insert_trial(connection, trial))

    def trials(self, campaign_id: str) -> list[Trial]:
        """A campaign's trials in the order of their position."""
        return self._read(trials.select_trials, campaign_id)

    def trial(self, wanted: str) -> Trial:
        """The trial whose id is `wanted` or begins with it.

        Raises:
            UsageError: when there is none, or several; its hint names the newest.
        """
        return self._read(trials.find_trial, wanted)

    def samples(self, campaign_id: str) -> dict[str, list[Sample]]:
        """The samples of every trial of a campaign, by trial id, in the order in which they were recorded."""
        return self._read(trials.select_samples, campaign_id)

    def series(self, trial_id: str) -> list[Series]:
        return self._read(trials.select_series, trial_id)

    def tasks(self, trial_id: str) -> TaskTable | None:
        """None when the trial has no event log."""
        return self._read(trials.select_tasks, trial_id)

    def artifacts(self, trial_id: str) -> list[str]:
        """The names of a trial's artifacts."""
        return self._read(trials.select_artifacts, trial_id)

    def artifact(self, trial_id: str, name: str) -> bytes:
        """An artifact's content.

        Raises:
            UsageError: when the trial has no artifact of that name.
            StoreError: when its file is gone or has been changed since.
        """
        return self._read(trials.read_artifact, trial_id, name, self.path.parent)
