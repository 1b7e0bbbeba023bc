"""Events for other systems: signed, at least once, tried again for three days.

Signed as in the Standard Webhooks specification 1.0: `webhook-id`, `webhook-timestamp` and `webhook-signature`
("v1," and base64 of HMAC-SHA256 over id.timestamp.body). The id is the same at every try, so a receiver drops repeats.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
import secrets
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from sqlalchemy import delete, select

from openaisle.central.database import Database
from openaisle.central.retries import try_later
from openaisle.central.tables import DeliveryRow, EndpointRow
from openaisle.core.errors import InputError
from openaisle.core.units import NS_PER_S

KINDS: Final = (
    "visit.opened",
    "visit.closed",
    "receipt.issued",
    "receipt.changed",
    "case.opened",
    "case.decided",
)
RETRY_S: Final = (5, 30, 120, 600, 3_600, 6 * 3_600, 24 * 3_600, 24 * 3_600)
"""Waits after each try that failed; after the last the delivery is given up."""
TIMEOUT_S: Final = 10.0
POLL_S: Final = 1.0
BATCH_MAX: Final = 50
ENDPOINTS_MAX: Final = 20
KEPT_NS: Final = 30 * 24 * 3_600 * NS_PER_S
SECRET_PREFIX: Final = "whsec_"


class Webhooks:
    """Endpoints and what is on its way to them. May be used from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_endpoint(self, url: str, now_ns: int) -> dict[str, str]:
        """Tell this URL of events from now on. Its secret is told once, here."""
        _check_url(url)
        row = EndpointRow(
            endpoint_id=f"e{secrets.token_hex(8)}",
            url=url,
            secret=SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode(),
            created_ns=now_ns,
            is_active=True,
        )
        with self._database.session() as session:
            if len(session.scalars(select(EndpointRow.endpoint_id)).all()) >= ENDPOINTS_MAX:
                raise InputError("too many endpoints", field="url", expected=f"at most {ENDPOINTS_MAX}")
            session.add(row)
        return {"endpoint_id": row.endpoint_id, "url": url, "secret": row.secret}

    def endpoints(self) -> list[dict[str, Any]]:
        with self._database.session() as session:
            rows = session.scalars(select(EndpointRow).order_by(EndpointRow.created_ns)).all()
        return [{"endpoint_id": row.endpoint_id, "url": row.url, "is_active": row.is_active} for row in rows]

    def remove_endpoint(self, endpoint_id: str) -> bool:
        with self._database.session() as session:
            row = session.get(EndpointRow, endpoint_id)
            if row is not None:
                session.delete(row)
        return row is not None

    def emit(self, kind: str, event_id: str, data: Mapping[str, Any], now_ns: int) -> None:
        """Queue one event for every endpoint; the same event again is the same delivery."""
        assert kind in KINDS, kind
        body = json.dumps(
            {"type": kind, "timestamp_ns": now_ns, "data": data}, sort_keys=True, separators=(",", ":")
        ).encode()
        with self._database.session() as session:
            for row in session.scalars(select(EndpointRow).where(EndpointRow.is_active)).all():
                delivery_id = (
                    f"{row.endpoint_id}.{hashlib.sha256(f'{kind} {event_id}'.encode()).hexdigest()[:32]}"
                )
                if session.get(DeliveryRow, delivery_id) is None:
                    session.add(
                        DeliveryRow(
                            delivery_id=delivery_id,
                            endpoint_id=row.endpoint_id,
                            kind=kind,
                            body=body,
                            made_ns=now_ns,
                            due_ns=now_ns,
                            attempts=0,
                            state="waiting",
                            said="",
                        )
                    )

    def deliver_due(self, client: httpx.Client, now_ns: int) -> int:
        """Try everything that is due once; how many arrived."""
        with self._database.session() as session:
            session.execute(delete(DeliveryRow).where(DeliveryRow.made_ns < now_ns - KEPT_NS))
            due = session.execute(
                select(DeliveryRow, EndpointRow)
                .join(EndpointRow, EndpointRow.endpoint_id == DeliveryRow.endpoint_id)
                .where(DeliveryRow.state == "waiting", DeliveryRow.due_ns <= now_ns)
                .order_by(DeliveryRow.due_ns, DeliveryRow.delivery_id)
                .limit(BATCH_MAX)
            ).all()
        arrived = 0
        for delivery, endpoint in due:
            said = _post(client, endpoint, delivery, now_ns)
            with self._database.session() as session:
                row = session.get(DeliveryRow, delivery.delivery_id)
                if row is None:
                    continue  # The endpoint was removed meanwhile.
                row.attempts += 1
                row.said = said[:200]
                if said == "":
                    row.state = "delivered"
                    arrived += 1
                else:
                    try_later(row, RETRY_S, now_ns)
        return arrived

    def deliveries(self, count_max: int = 100) -> list[dict[str, Any]]:
        """Newest first."""
        with self._database.session() as session:
            rows = session.scalars(
                select(DeliveryRow)
                .order_by(DeliveryRow.made_ns.desc(), DeliveryRow.delivery_id)
                .limit(count_max)
            ).all()
        return [
            {
                name: getattr(row, name)
                for name in ("delivery_id", "endpoint_id", "kind", "attempts", "state", "said")
            }
            for row in rows
        ]


class Deliverer:
    """Delivers in a thread of its own until it is closed."""

    def __init__(self, webhooks: Webhooks, now_ns: Callable[[], int]) -> None:
        self._webhooks = webhooks
        self._now_ns = now_ns
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join(timeout=TIMEOUT_S)

    def _run(self) -> None:
        with httpx.Client(timeout=TIMEOUT_S, follow_redirects=False) as client:
            while not self._closing.wait(POLL_S):
                self._webhooks.deliver_due(client, self._now_ns())


def signature(secret: str, webhook_id: str, timestamp_s: int, body: bytes) -> str:
    """The `webhook-signature` of a body."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{webhook_id}.{timestamp_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


# --- leaves -------------------------------------------------------------------------------------------------------


def _post(client: httpx.Client, endpoint: EndpointRow, delivery: DeliveryRow, now_ns: int) -> str:
    """ "" if it arrived, else what went wrong."""
    timestamp_s = now_ns // NS_PER_S
    headers = {
        "content-type": "application/json",
        "webhook-id": delivery.delivery_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": signature(endpoint.secret, delivery.delivery_id, timestamp_s, delivery.body),
    }
    try:
        answer = client.post(endpoint.url, content=delivery.body, headers=headers)
    except httpx.HTTPError as error:
        return f"{type(error).__name__}: {error}"
    return "" if answer.is_success else f"status {answer.status_code}"


def _check_url(url: str) -> None:
    """https, or http to this machine; not into the shop's own network by a bare address."""
    wrong = InputError(
        "cannot be called", field="url", expected="https://host/..., or http to loopback", found=url
    )
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        raise wrong from None
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    is_loopback = host == "localhost" or (address is not None and address.is_loopback)
    is_inside = address is not None and (address.is_private or address.is_link_local) and not is_loopback
    if (
        not host
        or parts.username
        or is_inside
        or parts.scheme not in (("http", "https") if is_loopback else ("https",))
    ):
        raise wrong
    if len(url) > 500:
        raise wrong
