"""What a receipt's letter says: a few words in the reader's language, and the receipt as PDF."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

from openaisle.central.letters import Letter
from openaisle.central.receipts import ReceiptBook
from openaisle.core.units import NS_PER_S
from openaisle.receipts.receipt import timezone_of
from openaisle.store.schema import Store
from openaisle.web.receipt_pdf import receipt_pdf
from openaisle.web.words import money, words


def receipt_letter(store: Store, receipts: ReceiptBook, letter: Letter, sender: str) -> EmailMessage | None:
    """None if there is no such receipt any more."""
    kept = receipts.get(letter.receipt_id)
    if kept is None:
        return None
    said = words(letter.language)
    issued = datetime.fromtimestamp(kept.receipt.issued_ns // NS_PER_S, timezone_of(store.timezone))
    filled = {
        "name": letter.name,
        "number": kept.number,
        "store": store.name,
        "when": f"{issued:%Y-%m-%d %H:%M}",
        "total": money(store, kept.receipt.total_minor),
        "state": said[f"state_{kept.state}"],
    }
    message = EmailMessage()
    message["From"] = sender
    message["To"] = letter.email
    message["Subject"] = said["mail_subject"].format(**filled)
    message["Date"] = format_datetime(issued)
    message["Message-ID"] = make_msgid(idstring=f"{kept.number}", domain=sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answer by machine
    message.set_content(
        "\n\n".join(
            said[name].format(**filled) for name in ("mail_hello", "mail_text", "mail_wrong", "mail_stop")
        )
        + "\n"
    )
    message.add_attachment(
        receipt_pdf(store, kept, letter.language),
        maintype="application",
        subtype="pdf",
        filename=f"receipt-{kept.number}.pdf",
    )
    return message
