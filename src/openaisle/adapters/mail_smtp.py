"""Mail through an SMTP server (RFC 5321), encrypted unless it is on this machine."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Final, Literal

from openaisle.core.errors import PortUnavailable

TIMEOUT_S: Final = 15.0
REFUSED_FROM: Final = 500
"""Replies from here on are for good (RFC 5321, 4.2.1); below they may change."""


@dataclass(frozen=True, kw_only=True)
class SmtpSettings:
    """One server and who sends."""

    host: str
    port: int
    sender: str
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password_file: Path | None = None
    ca_file: Path | None = None  # None: whom the machine trusts


class SmtpMail:
    """`ports.Mail`: a connection a letter."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self.sender = settings.sender

    def send(self, letter: EmailMessage) -> bool:
        """True: the server has taken it. False: it never will. PortUnavailable: perhaps later."""
        settings = self._settings
        try:
            with self._connected() as server:
                if settings.username and settings.password_file:
                    server.login(
                        settings.username, settings.password_file.read_text(encoding="utf-8").strip()
                    )
                server.send_message(letter)
        except smtplib.SMTPRecipientsRefused as error:
            return self._never_or_later(max(code for code, _ in error.recipients.values()), error)
        except smtplib.SMTPResponseException as error:
            if isinstance(error, smtplib.SMTPAuthenticationError | smtplib.SMTPConnectError):
                raise PortUnavailable(f"{settings.host}: {error}") from error  # Of us, not of the letter.
            return self._never_or_later(error.smtp_code, error)
        except (OSError, smtplib.SMTPException) as error:
            raise PortUnavailable(f"{settings.host}: {error}") from error
        return True

    def _connected(self) -> smtplib.SMTP:
        settings = self._settings
        context = ssl.create_default_context(cafile=settings.ca_file)
        if settings.security == "tls":
            return smtplib.SMTP_SSL(settings.host, settings.port, timeout=TIMEOUT_S, context=context)
        server = smtplib.SMTP(settings.host, settings.port, timeout=TIMEOUT_S)
        if settings.security == "starttls":
            try:
                server.starttls(context=context)
            except Exception:
                server.close()
                raise
        return server

    def _never_or_later(self, code: int, error: Exception) -> bool:
        if code < REFUSED_FROM:
            raise PortUnavailable(f"{self._settings.host}: {error}") from error
        return False
