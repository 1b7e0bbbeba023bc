"""Visits that a tapped card opened: by what their receipts are found."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("visits", sa.Column("look_up", sa.String(length=16), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("visits", "look_up")
