"""Visits that a tapped card opened: by what their receipts are found. Members of loyalty programmes. How far the
ledger was heard. What is still owed of a receipt."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("visits", sa.Column("look_up", sa.String(length=16), nullable=False, server_default=""))
    op.add_column("receipts", sa.Column("owed_minor", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "marks",
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_marks")),
    )
    op.create_table(
        "memberships",
        sa.Column("account_id", sa.String(length=24), nullable=False),
        sa.Column("programme", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.account_id"],
            name=op.f("fk_memberships_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "programme", name=op.f("pk_memberships")),
    )


def downgrade() -> None:
    op.drop_table("memberships")
    op.drop_table("marks")
    op.drop_column("receipts", "owed_minor")
    op.drop_column("visits", "look_up")
