"""Events for other systems: signed, at least once, tried again, given up."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from openaisle.central.database import Database
from openaisle.central.webhooks import RETRY_S, Webhooks
from openaisle.core.errors import InputError
from openaisle.core.units import NS_PER_S


class Receiver:
    """Another system: answers with what it is told to, and keeps what came."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.came: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.came.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 204)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.close()


@pytest.fixture
def webhooks(tmp_path: Path) -> Iterator[Webhooks]:
    database = Database(tmp_path / "central.sqlite")
    yield Webhooks(database)
    database.close()


def test_an_event_arrives_once_and_its_signature_is_what_the_specification_says(
    webhooks: Webhooks, receiver: Receiver
) -> None:
    secret = webhooks.add_endpoint(receiver.url, 0)["secret"]
    for _ in range(2):
        webhooks.emit("visit.opened", "v1", {"visit_id": "v1"}, 5 * NS_PER_S)
    with httpx.Client() as client:
        assert webhooks.deliver_due(client, 7 * NS_PER_S) == 1
        assert webhooks.deliver_due(client, 8 * NS_PER_S) == 0
    ((headers, body),) = receiver.came
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{wanted}"
    assert headers["webhook-timestamp"] == "7"
    assert json.loads(body) == {
        "type": "visit.opened",
        "timestamp_ns": 5 * NS_PER_S,
        "data": {"visit_id": "v1"},
    }


def test_what_did_not_arrive_comes_again_with_the_same_id_and_is_given_up_at_last(
    webhooks: Webhooks, receiver: Receiver
) -> None:
    webhooks.add_endpoint(receiver.url, 0)
    webhooks.emit("visit.closed", "v1", {}, 0)
    receiver.statuses = [500] * 20
    now_ns = 0
    with httpx.Client() as client:
        for wait_s in (*RETRY_S, 7 * 24 * 3600):
            webhooks.deliver_due(client, now_ns)
            webhooks.deliver_due(client, now_ns)  # Not yet due again.
            now_ns += wait_s * NS_PER_S
        webhooks.deliver_due(client, now_ns)
    assert len(receiver.came) == len(RETRY_S) + 1
    assert len({headers["webhook-id"] for headers, _ in receiver.came}) == 1
    (delivery,) = webhooks.deliveries()
    assert (delivery["state"], delivery["said"], delivery["attempts"]) == (
        "given up",
        "status 500",
        len(RETRY_S) + 1,
    )


def test_an_endpoint_that_is_away_holds_back_no_other(webhooks: Webhooks, receiver: Receiver) -> None:
    webhooks.add_endpoint("http://127.0.0.1:9/nobody", 0)
    webhooks.add_endpoint(receiver.url, 1)
    webhooks.emit("visit.opened", "v1", {}, 0)
    with httpx.Client(timeout=2) as client:
        assert webhooks.deliver_due(client, 0) == 1
    assert sorted(one["state"] for one in webhooks.deliveries()) == ["delivered", "waiting"]


def test_a_removed_endpoint_hears_nothing_more(webhooks: Webhooks, receiver: Receiver) -> None:
    endpoint_id = webhooks.add_endpoint(receiver.url, 0)["endpoint_id"]
    webhooks.emit("visit.opened", "v1", {}, 0)
    assert webhooks.remove_endpoint(endpoint_id)
    assert not webhooks.remove_endpoint(endpoint_id)
    with httpx.Client() as client:
        assert webhooks.deliver_due(client, 0) == 0
    assert (receiver.came, webhooks.deliveries()) == ([], [])


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "https://10.0.0.7/",
        "https://192.168.1.1/x",
        "https://169.254.169.254/latest",
        "https://user:secret@example.org/",
        "ftp://example.org/",
        "https://",
        "javascript:alert(1)",
        "https://[::1",
        "https://example.org:99999/",
    ],
)
def test_urls_that_lead_inside_or_nowhere_are_refused(webhooks: Webhooks, url: str) -> None:
    with pytest.raises(InputError, match="https://host"):
        webhooks.add_endpoint(url, 0)
