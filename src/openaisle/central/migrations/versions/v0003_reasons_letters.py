"""What decisions rested on, for those who review them. Receipts by mail. Badges."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column(
        "accounts", sa.Column("mail_language", sa.String(length=2), nullable=False, server_default="")
    )
    op.add_column("accounts", sa.Column("badge_hash", sa.String(length=64), nullable=True))
    op.create_index(op.f("ix_accounts_badge_hash"), "accounts", ["badge_hash"], unique=True)
    op.create_table(
        "letters",
        sa.Column("receipt_id", sa.String(length=100), nullable=False),
        sa.Column("account_id", sa.String(length=24), nullable=False),
        sa.Column("made_ns", sa.BigInteger(), nullable=False),
        sa.Column("due_ns", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("said", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_letters_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("receipt_id", name=op.f("pk_letters")),
    )
    op.create_index(op.f("ix_letters_account_id"), "letters", ["account_id"])
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
    op.drop_table("letters")
    op.drop_index(op.f("ix_accounts_badge_hash"), "accounts")
    op.drop_column("accounts", "badge_hash")
    op.drop_column("accounts", "mail_language")
