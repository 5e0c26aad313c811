"""Series and task tables as bytes and back: NumPy's compressed .npz form, never with pickles.

Names of columns are data (an interface may be called anything), so they are stored as arrays and not as members'
names. A series' columns share one matrix: many small members would cost more than their content.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparkbed.model import Series, TaskTable


def pack_series(series: Series) -> bytes:
    """Raises ValueError when the columns are not all as long as `times`."""
    names = list(series.columns)
    rows = [np.asarray(series.columns[name], dtype=np.float64) for name in names]
    times = np.asarray(series.times, dtype=np.float64)
    if any(row.shape != times.shape for row in rows):
        raise ValueError(f"a series of {series.host} has columns that are not as long as its times")
    return _pack(
        {
            "times": times,
            "values": np.stack(rows) if rows else np.empty((0, times.size)),
            "names": _text(names),
            "units": _text([series.units.get(name, "") for name in names]),
        }
    )


def unpack_series(host: str, source: str, data: bytes) -> Series:
    with _open(data) as members:
        names = [str(name) for name in members["names"]]
        columns = dict(zip(names, members["values"], strict=True))
        units = dict(zip(names, (str(unit) for unit in members["units"]), strict=True))
        return Series(host=host, source=source, times=members["times"], columns=columns, units=units)


def pack_tasks(table: TaskTable) -> bytes:
    """Raises ValueError when the columns differ in length or hold Python objects."""
    columns = {name: np.asarray(column) for name, column in table.columns.items()}
    if len({column.shape for column in columns.values()}) > 1:
        raise ValueError("a task table has columns of different lengths")
    for name, column in columns.items():
        if column.dtype.hasobject:
            raise ValueError(f"column {name!r} of a task table holds Python objects, not numbers or text")
    return _pack({"names": _text(list(columns)), **{f"c{index}": c for index, c in enumerate(columns.values())}})


def unpack_tasks(data: bytes) -> TaskTable:
    with _open(data) as members:
        return TaskTable({str(name): members[f"c{index}"] for index, name in enumerate(members["names"])})


def _text(values: list[str]) -> NDArray[np.str_]:
    return np.array(values, dtype=np.str_)


def _pack(members: dict[str, NDArray[Any]]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **members)  # type: ignore[arg-type]  # its keywords are arrays and one flag
    return buffer.getvalue()


def _open(data: bytes) -> Any:
    return np.load(io.BytesIO(data), allow_pickle=False)
