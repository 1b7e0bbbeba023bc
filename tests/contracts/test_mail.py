"""Mail against a real SMTP server: taken, refused for good, or to be tried again."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.contracts.doors import free_port

from openaisle.adapters.mail_smtp import SmtpMail, SmtpSettings
from openaisle.core.errors import PortUnavailable

SENDER = "receipts@example.org"


class Mailboxes:
    """Takes letters but to those who are unknown or full."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, _: list[str]
    ) -> str:
        if address.startswith("unknown"):
            return "550 no such mailbox"
        if address.startswith("full"):
            return "452 mailbox is full"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.taken.append(envelope)
        return "250 OK"


@contextmanager
def serving(boxes: Mailboxes, **options: object) -> Iterator[int]:
    port = free_port()
    controller = Controller(boxes, hostname="127.0.0.1", port=port, **options)  # type: ignore[arg-type]
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def letter(to: str = "ana@example.org") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, to, "Receipt"
    message.set_content("Hello")
    return message


def mail(port: int, **settings: object) -> SmtpMail:
    chosen = {"security": "none"} | settings
    return SmtpMail(SmtpSettings(host="localhost", port=port, sender=SENDER, **chosen))  # type: ignore[arg-type]


def test_a_letter_arrives_and_who_is_unknown_never_gets_one() -> None:
    boxes = Mailboxes()
    with serving(boxes) as port:
        assert mail(port).send(letter())
        assert not mail(port).send(letter("unknown@example.org"))
        with pytest.raises(PortUnavailable, match="full"):
            mail(port).send(letter("full@example.org"))
    (envelope,) = boxes.taken
    assert (envelope.mail_from, envelope.rcpt_tos) == (SENDER, ["ana@example.org"])
    with pytest.raises(PortUnavailable):
        mail(port).send(letter())


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """Of localhost, signed by itself; and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = tmp_path / "smtp.pem", tmp_path / "smtp.key"
    certificate_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate_file, key_file


def test_it_is_encrypted_to_a_server_that_is_trusted_and_known_to_it(
    certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    password = tmp_path / "password"
    password.write_text("secret\n")

    def authenticator(
        server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        return AuthResult(success=data == LoginPassword(b"shop", b"secret"))

    boxes = Mailboxes()
    options = {
        "tls_context": context,
        "require_starttls": True,
        "authenticator": authenticator,
        "auth_required": True,
    }
    known = {"security": "starttls", "username": "shop", "password_file": password}
    with serving(boxes, **options) as port:
        assert mail(port, ca_file=certificate[0], **known).send(letter())
        with pytest.raises(PortUnavailable, match="certificate"):
            mail(port, **known).send(letter())
        password.write_text("wrong")
        with pytest.raises(PortUnavailable):
            mail(port, ca_file=certificate[0], **known).send(letter())
    assert len(boxes.taken) == 1
