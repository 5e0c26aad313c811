"""What would spoil the answer: looked at before anything is measured, on the machine that runs the campaign."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from sparkbed.errors import RunError

NEEDED_DISK = 500 * 2**20
"""Bytes that a campaign needs at least: logs, event logs, Spark's scratch files."""


@dataclass(frozen=True)
class Remark:
    """One thing seen: `level` is ok, warning or stop; `means` says what it does to the answer."""

    level: str
    what: str
    means: str


def preflight(state_folder: Path, memory_needed: int) -> list[Remark]:
    """Load, free memory and disk, steal and governor, each as a remark.

    Args:
        state_folder: where the campaign writes.
        memory_needed: bytes that all JVMs of the largest cell may take on this machine.
    """
    return [*_load(), *_memory(memory_needed), *_disk(state_folder), *_steal(), *_governor()]


def require(remarks: list[Remark]) -> None:
    """Stop if a remark says so.

    Raises:
        RunError: with every remark of level stop.
    """
    stops = [remark for remark in remarks if remark.level == "stop"]
    if stops:
        raise RunError("; ".join(remark.what for remark in stops), hint=stops[0].means)


def _load() -> Iterator[Remark]:
    cores = psutil.cpu_count() or 1
    busy = psutil.cpu_percent(interval=0.3) / 100 * cores
    if busy > 0.25 * cores:
        yield Remark(
            "warning",
            f"other programs keep {busy:.1f} of {cores} cores busy",
            "Times will be longer and more scattered than on an idle machine; small differences may be hidden.",
        )
    else:
        yield Remark("ok", f"{busy:.1f} of {cores} cores busy before the start", "")


def _memory(needed: int) -> Iterator[Remark]:
    free = psutil.virtual_memory().available
    text = f"{free / 2**30:.1f} GB of memory available, up to {needed / 2**30:.1f} GB wanted"
    if free < needed:
        yield Remark(
            "warning", text, "Spark may be slowed by swapping, or killed; choose a smaller profile or smaller heaps."
        )
    else:
        yield Remark("ok", text, "")


def _disk(folder: Path) -> Iterator[Remark]:
    free = psutil.disk_usage(str(folder)).free
    text = f"{free / 2**30:.1f} GB free on the disk of {folder}"
    if free < NEEDED_DISK:
        yield Remark(
            "stop", f"{free / 2**20:.0f} MB free on the disk of {folder}", "Free at least 500 MB, or set SPARKBED_HOME."
        )
    else:
        yield Remark("ok", text, "")


def _steal() -> Iterator[Remark]:
    times = psutil.cpu_times()
    steal = float(getattr(times, "steal", 0.0))
    share = steal / max(1e-9, sum(times))
    if share > 0.01:
        yield Remark(
            "warning",
            f"{share:.1%} of this machine's CPU time since boot went to other guests (steal)",
            "A neighbour can slow any trial; only differences seen across many blocks can be trusted.",
        )


def _governor() -> Iterator[Remark]:
    names = {path.read_text().strip() for path in Path("/sys/devices/system/cpu").glob("cpu*/cpufreq/scaling_governor")}
    if names - {"performance"}:
        yield Remark(
            "warning",
            f"the CPU frequency governor is {', '.join(sorted(names))}",
            "The clock follows the load, so early trials can differ from late ones; 'performance' is steadier.",
        )
