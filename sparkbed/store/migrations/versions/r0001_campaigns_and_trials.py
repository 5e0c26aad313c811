"""Campaigns, cells, trials, samples, series, task tables and artifacts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "campaign",
        sa.Column("key", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("suite", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("started", sa.Text, nullable=False),
        sa.Column("finished", sa.Text),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("git_revision", sa.Text, nullable=False),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
    )
    op.create_index("campaign_started", "campaign", ["started"])
    op.create_index("campaign_suite", "campaign", ["suite", "fingerprint"])
    op.create_table(
        "cell",
        sa.Column("campaign", sa.Integer, sa.ForeignKey("campaign.key", ondelete="CASCADE"), primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("factors", sa.Text, nullable=False),
        sa.Column("hosts", sa.Text, nullable=False),
        sa.Column("platform", sa.Text, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("workload", sa.Text, nullable=False),
        sa.Column("parameters", sa.Text, nullable=False),
    )
    op.create_table(
        "trial",
        sa.Column("key", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("campaign", sa.Integer, nullable=False),
        sa.Column("cell", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("block", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("started", sa.Text, nullable=False),
        sa.Column("finished", sa.Text, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("facts", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["campaign", "cell"], ["cell.campaign", "cell.id"], ondelete="CASCADE"),
        sa.UniqueConstraint("campaign", "cell", "number", name="trial_once"),
    )
    op.create_index("trial_position", "trial", ["campaign", "position"])
    _create_what_belongs_to_trials()


def _create_what_belongs_to_trials() -> None:
    op.create_table(
        "sample",
        sa.Column("trial", sa.Integer, sa.ForeignKey("trial.key", ondelete="CASCADE"), primary_key=True),
        sa.Column("ordinal", sa.Integer, primary_key=True),
        sa.Column("metric", sa.Text, nullable=False),
        sa.Column("value", sa.Float),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("iteration", sa.Integer),
        sa.Column("kept", sa.Boolean, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "series",
        sa.Column("trial", sa.Integer, sa.ForeignKey("trial.key", ondelete="CASCADE"), primary_key=True),
        sa.Column("ordinal", sa.Integer, primary_key=True),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "task_table",
        sa.Column("trial", sa.Integer, sa.ForeignKey("trial.key", ondelete="CASCADE"), primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "artifact",
        sa.Column("trial", sa.Integer, sa.ForeignKey("trial.key", ondelete="CASCADE"), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary),
        sa.Column("path", sa.Text),
    )


def downgrade() -> None:
    raise NotImplementedError("a database is never taken back to an older revision: keep a copy of it instead")
