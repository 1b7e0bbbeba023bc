"""Who shops here and what they were told: accounts, entry, receipts, disputes, reviews, webhooks, in one database.

In: what a phone, a member of staff or another system asks; the path's messages about visits, receipts and payments.
Out: entry codes, decisions for the books (refund, contest, correct), and what pages show.
Never: a card number, a picture, or a charge of its own; what it holds of receipts is a projection of the ledger.
"""
