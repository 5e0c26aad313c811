"""spark-perf's tables (spark_perf.yml), with every test's options put together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

TABLE = yaml.safe_load((Path(__file__).parent / "spark_perf.yml").read_text())


@dataclass(frozen=True)
class Entry:
    """One test of one suite, as spark-perf's configuration has it; a name may have several."""

    suite: str
    test: str
    ours: str
    runner: str
    scale: float
    options: dict[str, Any]

    @property
    def scales(self) -> set[str]:
        return set(TABLE["scales"][self.suite]) & set(self.options)


def _entry(suite: str, row: dict[str, Any]) -> Entry:
    options: dict[str, Any] = {}
    for group in row["groups"]:
        options.update(TABLE["groups"][group])
    options.update(row.get("options", {}))
    test, scale = row["test"], float(row.get("scale", 1))
    return Entry(suite, test, row.get("ours", test), row.get("runner", test), scale, options)


ENTRIES = [_entry(suite, row) for suite, rows in TABLE["suites"].items() for row in rows]
PRESENT = [entry for entry in ENTRIES if entry.test not in TABLE["absent"]]
FIRST: dict[str, Entry] = {}
"""Each present test's first entry, by our workload's name: its values are the defaults."""
for entry in PRESENT:
    FIRST.setdefault(entry.ours, entry)
