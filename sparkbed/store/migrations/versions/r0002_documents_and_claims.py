"""Documents of a campaign (rendered configs, the suite's YAML, versions), and which process runs it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "document",
        sa.Column("campaign", sa.Integer, sa.ForeignKey("campaign.key", ondelete="CASCADE"), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_table(
        "claim",
        sa.Column("campaign", sa.Integer, sa.ForeignKey("campaign.key", ondelete="CASCADE"), primary_key=True),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("start_ticks", sa.Integer, nullable=False),
        sa.Column("boot_id", sa.Text, nullable=False),
    )


def downgrade() -> None:
    raise NotImplementedError("a database is never taken back to an older revision: keep a copy of it instead")
