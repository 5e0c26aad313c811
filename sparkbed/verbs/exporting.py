"""`inv export`: a campaign's samples and series as CSV or Parquet, or the whole campaign as one archive."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparkbed.errors import StoreError, UsageError
from sparkbed.home import Home
from sparkbed.model import Campaign
from sparkbed.nearest import nearest
from sparkbed.replacing import replacing
from sparkbed.store import Store
from sparkbed.store.archive import write_archive
from sparkbed.verbs.campaigns import campaign_of

if TYPE_CHECKING:
    import pyarrow as pa

FORMATS = ("parquet", "csv")


def export(campaign: str, form: str, to: str, archive: str) -> None:
    """Write the files and say where they are."""
    if form not in FORMATS:
        raise UsageError(f"there is no format {form!r}", hint=nearest(form, FORMATS, every="There are"))
    with campaign_of(Home(), campaign) as (store, found):
        if archive:
            _archive(store, found, Path(archive).expanduser())
            return
        folder = Path(to).expanduser()
        _made(folder)
        for name, tables in (("samples", _samples(store, found)), ("series", _series(store, found))):
            target = folder / f"{found.id}-{name}.{form}"
            print(f"{name}: {_written(target, tables, form):,} rows in {target}")
    if form == "parquet":
        print(f"A data frame in one line: pandas.read_parquet('{folder / found.id}-samples.parquet')")


def _archive(store: Store, campaign: Campaign, target: Path) -> None:
    if campaign.status == "running":
        raise UsageError(
            f"campaign {campaign.id} is still running", hint="Export it when it has ended; ./inv status says so."
        )
    with replacing(target, "--archive") as temporary:
        left_out = write_archive(store, campaign.id, temporary)
    for one in left_out:
        print(f"left out: {one}")
    with target.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256") if hasattr(hashlib, "file_digest") else _digest(file)
    print(f"{campaign.id} is in {target}, {target.stat().st_size:,} bytes, SHA-256 {digest.hexdigest()}")
    print(f"Anybody with sparkbed opens it: ./inv report {target}")


def _digest(file: Any) -> Any:
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest


def _made(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"the folder {folder} can't be made: {error.strerror}", hint="Name another one with --to."
        ) from None


def _samples(store: Store, campaign: Campaign) -> Iterator[pa.Table]:
    import pyarrow as pa

    from analysis.columns import sample_columns

    columns = sample_columns(campaign, store.trials(campaign.id), store.samples(campaign.id))
    kinds = {
        **{name: pa.int64() for name in ("number", "block", "position", "iteration")},
        "started": pa.timestamp("us", "UTC"),
        "value": pa.float64(),
        "kept": pa.bool_(),
    }
    yield pa.table({name: pa.array(values, kinds.get(name, pa.string())) for name, values in columns.items()})


def _series(store: Store, campaign: Campaign) -> Iterator[pa.Table]:
    """One table a trial, so that a campaign's series need not fit in memory together; an empty one first."""
    import pyarrow as pa

    from analysis.columns import series_columns

    text = pa.dictionary(pa.int32(), pa.string())
    moments = pa.timestamp("us", "UTC")
    yield from ()
    for trial in store.trials(campaign.id):
        columns = series_columns(campaign, trial, store.series(trial.id))
        whole = {name: pa.array(values, pa.string()) for name, values in columns.items() if isinstance(values, list)}
        microseconds = (columns["time"] * 1e6).round().astype("int64")
        yield pa.table(
            {
                **{name: values.dictionary_encode().cast(text) for name, values in whole.items()},
                "time": pa.array(microseconds).cast(moments),
                "value": pa.array(columns["value"], pa.float64(), from_pandas=True),
            }
        )


def _written(target: Path, tables: Iterator[pa.Table], form: str) -> int:
    """How many rows were written."""
    import pyarrow.csv
    import pyarrow.parquet

    rows = 0
    with replacing(target, "--to") as temporary, ExitStack() as stack:
        writer: Any = None
        for table in tables:
            if form == "csv":
                table = table.cast(_plain(table.schema))
            if writer is None:
                make = pyarrow.csv.CSVWriter if form == "csv" else pyarrow.parquet.ParquetWriter
                writer = stack.enter_context(make(str(temporary), table.schema))
            writer.write_table(table)
            rows += table.num_rows
        if writer is None:
            raise StoreError("the campaign has no trial yet", hint="./inv run-suite goes on with it.")
    return rows


def _plain(schema: pa.Schema) -> pa.Schema:
    """The schema without dictionaries, which CSV has no form for."""
    import pyarrow as pa

    return pa.schema(
        [pa.field(f.name, f.type.value_type if pa.types.is_dictionary(f.type) else f.type) for f in schema]
    )
