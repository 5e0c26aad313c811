"""`trials`: how many of each cell, as a number, or until the cell's interval is tight enough."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sparkbed.documents import Map, expect_keys
from sparkbed.errors import DocumentError
from sparkbed.kinds import kind
from sparkbed.position import Position
from sparkbed.suite import fields

KEYS = ("until", "max", "min")
TRIALS, MOST = 6, 100
COMPARED = 20
"""Trials of cells that are compared before any of them stops, unless the suite says `min`.

With fewer, a test that has to learn the noise misses up to 12 points of what one finds that knows it: the simulations
in docs/statistics.md.
"""
_PERCENT = re.compile(r"(\d+(?:\.\d+)?) ?%")


@dataclass(frozen=True)
class Until:
    """No more trials of a cell once half of its median's 95 % interval is at most `share` of the median.

    least: trials of a cell before which none is stopped.
    """

    share: float
    least: int

    def document(self) -> dict[str, float]:
        return {"share": self.share, "least": self.least}


def read_trials(document: Map, compared: bool) -> tuple[int, Until | None]:
    """The most trials of each cell, and when fewer are enough (None: never).

    Args:
        compared: whether any of the cells that are run is compared with another.
    """
    value = document.get("trials")
    if not isinstance(value, Map):
        return fields.whole(document, "trials", TRIALS, least=1), None
    expect_keys(value, KEYS, "trials")
    if value.get("until") is None:
        raise DocumentError(
            "trials says no until",
            where=document.where("trials"),
            hint="Write it as {until: 5%, max: 40}, or a number.",
        )
    most = fields.whole(value, "max", MOST, least=1)
    least = fields.whole(value, "min", min(COMPARED if compared else TRIALS, most), least=2)
    if least > most:
        raise DocumentError(
            f"min is {least} of at most {most} trials", where=value.where("min"), hint="Set max higher than min."
        )
    return most, Until(_share(value["until"], value.where("until")), least)


def _share(value: object, where: Position) -> float:
    """`5%` as 0.05."""
    found = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    share = float(found[1]) / 100 if found else 0.0
    if not 0 < share < 1:
        said = repr(value) if isinstance(value, (str, int, float)) else kind(value)
        raise DocumentError(
            f"until must be a percentage between 0 % and 100 %, not {said}", where=where, hint="Write it as 5%."
        )
    return share
