"""Changes of a history that somebody knows of, so that they no longer count as regressions."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "acknowledgement",
        sa.Column("key", sa.Integer, primary_key=True),
        sa.Column("cell", sa.Text, nullable=False),
        sa.Column("metric", sa.Text, nullable=False),
        sa.Column("campaign", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("made", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.UniqueConstraint("cell", "metric", "campaign", name="acknowledged_once"),
    )


def downgrade() -> None:
    raise NotImplementedError("a database is never taken back to an older revision: keep a copy of it instead")
