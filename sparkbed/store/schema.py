"""The tables, as the newest revision has them. A change here needs a revision in `migrations/versions/`.

Scalars are rows. A series or a task table is one blob (see `arrays.py`). Mappings are JSON text. A NaN is NULL,
since SQLite has no NaN of its own.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

campaigns = Table(
    "campaign",
    metadata,
    Column("key", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("suite", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("started", Text, nullable=False),
    Column("finished", Text),
    Column("fingerprint", Text, nullable=False),
    Column("git_revision", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("facts", Text, nullable=False),
    Index("campaign_started", "started"),
    Index("campaign_suite", "suite", "fingerprint"),
)

cells = Table(
    "cell",
    metadata,
    Column("campaign", ForeignKey("campaign.key", ondelete="CASCADE"), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("ordinal", Integer, nullable=False),
    Column("factors", Text, nullable=False),
    Column("hosts", Text, nullable=False),
    Column("platform", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("workload", Text, nullable=False),
    Column("parameters", Text, nullable=False),
)

trials = Table(
    "trial",
    metadata,
    Column("key", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("campaign", Integer, nullable=False),
    Column("cell", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("block", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("started", Text, nullable=False),
    Column("finished", Text, nullable=False),
    Column("error", Text),
    Column("facts", Text, nullable=False),
    ForeignKeyConstraint(["campaign", "cell"], ["cell.campaign", "cell.id"], ondelete="CASCADE"),
    UniqueConstraint("campaign", "cell", "number", name="trial_once"),
    Index("trial_position", "campaign", "position"),
)

samples = Table(
    "sample",
    metadata,
    Column("trial", ForeignKey("trial.key", ondelete="CASCADE"), primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("metric", Text, nullable=False),
    Column("value", Float),
    Column("unit", Text, nullable=False),
    Column("iteration", Integer),
    Column("kept", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

series = Table(
    "series",
    metadata,
    Column("trial", ForeignKey("trial.key", ondelete="CASCADE"), primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("host", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

task_tables = Table(
    "task_table",
    metadata,
    Column("trial", ForeignKey("trial.key", ondelete="CASCADE"), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

artifacts = Table(
    "artifact",
    metadata,
    Column("trial", ForeignKey("trial.key", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("size", Integer, nullable=False),
    Column("sha256", Text, nullable=False),
    # Either the content itself, or the path of the file that holds it (relative to the database's folder if below it);
    # neither of them when retention has taken it away.
    Column("content", LargeBinary),
    Column("path", Text),
)

documents = Table(
    "document",
    metadata,
    Column("campaign", ForeignKey("campaign.key", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("text", Text, nullable=False),
)

acknowledgements = Table(
    "acknowledgement",
    metadata,
    Column("key", Integer, primary_key=True),
    Column("cell", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("campaign", Text, nullable=False),  # its id: the first of the new level when this was written
    Column("reason", Text, nullable=False),
    Column("made", Text, nullable=False),
    Column("by", Text, nullable=False),
    UniqueConstraint("cell", "metric", "campaign", name="acknowledged_once"),
)

claims = Table(
    "claim",
    metadata,
    Column("campaign", ForeignKey("campaign.key", ondelete="CASCADE"), primary_key=True),
    Column("pid", Integer, nullable=False),
    Column("start_ticks", Integer, nullable=False),
    Column("boot_id", Text, nullable=False),
)
