"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.String(length=24), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("role", sa.String(length=12), nullable=False),
        sa.Column("passphrase_hash", sa.LargeBinary(), nullable=False),
        sa.Column("is_blocked", sa.Boolean(), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("email", name=op.f("uq_accounts_email")),
    )
    op.create_table(
        "cases",
        sa.Column("case_id", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("visit_id", sa.String(length=24), nullable=False),
        sa.Column("receipt_id", sa.String(length=64), nullable=False),
        sa.Column("interaction_id", sa.String(length=64), nullable=False),
        sa.Column("product_id", sa.String(length=40), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("missing", sa.String(length=120), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("opened_ns", sa.BigInteger(), nullable=False),
        sa.Column("decided_ns", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.String(length=24), nullable=False),
        sa.Column("seconded_by", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_cases")),
    )
    op.create_index(
        "ix_cases_open",
        "cases",
        ["opened_ns"],
        unique=False,
        sqlite_where=sa.text("state IN ('open', 'seconded')"),
    )
    op.create_index(op.f("ix_cases_receipt_id"), "cases", ["receipt_id"], unique=False)
    op.create_index(op.f("ix_cases_visit_id"), "cases", ["visit_id"], unique=False)
    op.create_table(
        "endpoints",
        sa.Column("endpoint_id", sa.String(length=24), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("endpoint_id", name=op.f("pk_endpoints")),
    )
    op.create_table(
        "receipts",
        sa.Column("receipt_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("visit_id", sa.String(length=24), nullable=False),
        sa.Column("issued_ns", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("evidence", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=80), nullable=False),
        sa.Column("look_up", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("receipt_id", name=op.f("pk_receipts")),
        sa.UniqueConstraint("number", name=op.f("uq_receipts_number")),
    )
    op.create_index(op.f("ix_receipts_visit_id"), "receipts", ["visit_id"], unique=False)
    op.create_table(
        "vouchers",
        sa.Column("voucher_id", sa.String(length=24), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("spent_minor", sa.BigInteger(), nullable=False),
        sa.Column("sold_ns", sa.BigInteger(), nullable=False),
        sa.Column("sold_by", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("voucher_id", name=op.f("pk_vouchers")),
    )
    op.create_table(
        "deliveries",
        sa.Column("delivery_id", sa.String(length=100), nullable=False),
        sa.Column("endpoint_id", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("made_ns", sa.BigInteger(), nullable=False),
        sa.Column("due_ns", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("said", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["endpoints.endpoint_id"],
            name=op.f("fk_deliveries_endpoint_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_deliveries")),
    )
    op.create_index(
        "ix_deliveries_due", "deliveries", ["due_ns"], unique=False, sqlite_where=sa.text("state = 'waiting'")
    )
    op.create_table(
        "methods",
        sa.Column("method_id", sa.String(length=24), nullable=False),
        sa.Column("account_id", sa.String(length=24), nullable=False),
        sa.Column("processor", sa.String(length=16), nullable=False),
        sa.Column("token", sa.String(length=120), nullable=False),
        sa.Column("brand", sa.String(length=24), nullable=False),
        sa.Column("last4", sa.String(length=4), nullable=False),
        sa.Column("expires", sa.String(length=7), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_methods_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("method_id", name=op.f("pk_methods")),
    )
    op.create_index(op.f("ix_methods_account_id"), "methods", ["account_id"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("expires_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_sessions_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("secret_hash", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_account_id"), "sessions", ["account_id"], unique=False)
    op.create_table(
        "visits",
        sa.Column("visit_id", sa.String(length=24), nullable=False),
        sa.Column("account_id", sa.String(length=24), nullable=True),
        sa.Column("method", sa.String(length=140), nullable=False),
        sa.Column("people_count", sa.BigInteger(), nullable=False),
        sa.Column("is_staff", sa.Boolean(), nullable=False),
        sa.Column("issued_ns", sa.BigInteger(), nullable=False),
        sa.Column("opened_ns", sa.BigInteger(), nullable=False),
        sa.Column("closed_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_visits_account_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("visit_id", name=op.f("pk_visits")),
    )
    op.create_index(op.f("ix_visits_account_id"), "visits", ["account_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_visits_account_id"), table_name="visits")
    op.drop_table("visits")
    op.drop_index(op.f("ix_sessions_account_id"), table_name="sessions")
    op.drop_table("sessions")
    op.drop_index(op.f("ix_methods_account_id"), table_name="methods")
    op.drop_table("methods")
    op.drop_index("ix_deliveries_due", table_name="deliveries", sqlite_where=sa.text("state = 'waiting'"))
    op.drop_table("deliveries")
    op.drop_table("vouchers")
    op.drop_index(op.f("ix_receipts_visit_id"), table_name="receipts")
    op.drop_table("receipts")
    op.drop_table("endpoints")
    op.drop_index(op.f("ix_cases_visit_id"), table_name="cases")
    op.drop_index(op.f("ix_cases_receipt_id"), table_name="cases")
    op.drop_index("ix_cases_open", table_name="cases", sqlite_where=sa.text("state IN ('open', 'seconded')"))
    op.drop_table("cases")
    op.drop_table("accounts")
