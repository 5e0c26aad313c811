"""What `run-suite --against` compares with: read, and found fit for it, before anything is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analysis.against import against, fewest_trials, rows_in_words, sentence
from analysis.words import count, percent
from sparkbed.errors import UsageError
from sparkbed.home import Home
from sparkbed.suite import Suite
from sparkbed.table import table
from sparkbed.verbs.campaigns import campaign_of
from sparkbed.verbs.comparing import share


@dataclass(frozen=True)
class Baseline:
    """The earlier campaign, as `report.measured` gives it."""

    data: Mapping[str, Any]
    metric: str
    margin: float

    @classmethod
    def of(cls, home: Home, suite: Suite, wanted: str, margin: str) -> Baseline:
        """Raises UsageError when the suite has no cell of that campaign, or too few trials to show any regression."""
        from analysis.report import measured

        allowed = share(margin, "--margin")
        with campaign_of(home, wanted) as (store, found):
            made = cls(measured(store, found.id), suite.metric, allowed)
        made._check(suite)
        return made

    @property
    def name(self) -> str:
        return str(self.data["campaign"]["id"])

    def _check(self, suite: Suite) -> None:
        numbers = {
            cell["id"]: cell["metrics"][self.metric]["n"]
            for cell in self.data["cells"]
            if self.metric in cell["metrics"]
        }
        common = [cell for cell in suite.cells if cell.id in numbers]
        if not common:
            raise UsageError(
                f"{self.name} has no cell of this suite with {self.metric}, so there is nothing to compare with",
                hint="Cells are the same when settings, parameters and hosts are: look at --profile, --set and "
                "--inventory, or name another campaign.",
            )
        needed = [fewest_trials(numbers[cell.id], len(common)) for cell in common]
        if None in needed:
            least = min(numbers[cell.id] for cell in common)
            raise UsageError(
                f"{self.name} has cells of {count(least, 'trial')}, too few to show any regression beside",
                hint="Name a campaign with more trials of each cell.",
            )
        most = max(one for one in needed if one is not None)
        if suite.trials < most:
            raise UsageError(
                f"{count(suite.trials, 'trial')} of each of {count(len(common), 'cell')} can't show a regression "
                f"against {self.name}, however large",
                hint=f"It takes {most}: --trials {most}",
            )

    def told(self, after: Mapping[str, Any]) -> list[str]:
        """Print the comparison; its regressions in words."""
        rows = against(self.data, after, self.metric, self.margin)
        print()
        print(
            f"Against {self.name}, {self.metric}, {percent(self.margin)} allowed (not randomised against each other):"
        )
        table(["cell", "n", "ratio", f"interval, all {len(rows)} together", "verdict"], rows_in_words(rows))
        return [sentence(row, self.margin) for row in rows if row["verdict"] == "regression"]
