"""The suite's key `growth`: the parameters that sizes are made of, over which the report fits how times grow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sparkbed.documents import Map, Seq
from sparkbed.errors import DocumentError
from sparkbed.kinds import kind
from sparkbed.model import Cell
from sparkbed.nearest import nearest
from sparkbed.suite import fields

Growing = Mapping[str, tuple[str, ...]]
"""By the parameter that is the size, the parameters that grow along with it."""


def read_growth(document: Map, cells: Sequence[Cell]) -> Growing:
    """The suite's key `growth`; empty without it.

    Raises:
        DocumentError: for a wrong shape, or a parameter that no cell of the suite has.
    """
    body = fields.section(document, "growth")
    known = sorted({name for cell in cells for name in cell.parameters})
    found: dict[str, tuple[str, ...]] = {}
    for size, along in body.items():
        if along is not None and not isinstance(along, Seq):
            raise DocumentError(
                f"growth.{size} must be a list of parameters that grow along, not {kind(along)}",
                where=body.where(size),
                hint=f"Write {size}: [], or name them in the brackets.",
            )
        for name in (size, *(along or ())):
            if name not in known:
                raise DocumentError(
                    f"no cell of the suite has the parameter {name!r}",
                    where=body.where(size),
                    hint=nearest(str(name), known, every="They have"),
                )
        found[str(size)] = tuple(str(name) for name in along or ())
    return found
