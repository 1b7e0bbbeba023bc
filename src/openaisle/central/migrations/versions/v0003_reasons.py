"""What decisions rested on, for those who review them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "reasons",
        sa.Column("interaction_id", sa.String(length=120), nullable=False),
        sa.Column("step_id", sa.String(length=120), nullable=False),
        sa.Column("visit_id", sa.String(length=64), nullable=False),
        sa.Column("made_ns", sa.BigInteger(), nullable=False),
        sa.Column("clip", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("interaction_id", "step_id", name=op.f("pk_reasons")),
    )
    op.create_index(op.f("ix_reasons_visit_id"), "reasons", ["visit_id"])
    op.create_index("ix_reasons_made", "reasons", ["made_ns"])


def downgrade() -> None:
    op.drop_table("reasons")
