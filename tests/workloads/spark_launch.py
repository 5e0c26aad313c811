"""What one launch of a program left; and the programs' own modules put on the path, as the driver sees them."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from sparkbed.home import ROOT
from sparkbed.workloads import Reading

sys.path.insert(0, str(ROOT / "workloads" / "pyspark"))


@dataclass(frozen=True)
class Launch:
    """What one spark-submit left."""

    code: int
    output: str
    reading: Reading

    def iterations(self) -> list[int | None]:
        return [sample.iteration for sample in self.reading.samples if sample.metric == "trial_seconds"]
