"""`openaisle bench pages`: what cart reads, code checks and live carts cost, beside a bare FastAPI route."""

from __future__ import annotations

import multiprocessing
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from openaisle.bench.load import Ask

STORE: Final = "corner"
PHONES_MAX: Final = 900
LINES: Final = 8  # of each cart


def pages(
    phones: Annotated[int, typer.Option(min=1, max=PHONES_MAX, help="Live carts open at once.")] = 500,
    updates: Annotated[float, typer.Option(min=1, help="Carts that change each second, of all.")] = 100.0,
    seconds: Annotated[float, typer.Option(min=1, help="Of each measurement.")] = 10.0,
    connections: Annotated[int, typer.Option(min=1, help="That ask without a pause.")] = 16,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Load on the pages' process, on one machine with the client that makes it."""
    import json
    import tempfile

    with tempfile.TemporaryDirectory(prefix="openaisle-pages-") as folder:
        report = _measure(Path(folder), phones, updates, seconds, connections)
    if as_json:
        print(json.dumps(report, indent=1))
        return
    bare = report["bare"]
    for name in ("bare", "cart_read", "code_check"):
        row = report[name]
        print(
            f"{name:11} {row['per_second']:6} a second, p50 {row['p50_ms']} ms, p99 {row['p99_ms']} ms, "
            f"{row['server_us_each']} us of processor time, {row['server_us_each'] / bare['server_us_each']:.1f} x bare"
        )
    live = report["live"]
    print(
        f"{live['phones']} phones, {live['updates']} updates: lag p50 {live['p50_ms']} ms, p99 {live['p99_ms']} ms, "
        f"longest {live['max_ms']} ms; {live['server_cores']} cores"
    )


def _measure(folder: Path, phones: int, updates: float, seconds: float, connections: int) -> dict[str, Any]:
    from openaisle.bench.load import Ask, listen, load

    report: dict[str, Any] = {"phones": phones, "seconds": seconds, "connections": connections}
    with _server(_serve_bare, folder) as (port, process, _):
        ask = Ask(method="GET", path="/bare")
        report["bare"] = load(port, lambda: ask, seconds=seconds, connections=connections, process=process)
    with _server(_serve_pages, folder, phones, updates) as (port, process, carts):
        reads = _turns([Ask(method="GET", path=f"/api/v1/visits/{at}/cart", headers=by) for at, by in carts])
        report["cart_read"] = load(port, reads, seconds=seconds, connections=connections, process=process)
        streams = [Ask(method="GET", path=f"/api/v1/visits/{at}/live", headers=by) for at, by in carts]
        report["live"] = listen(port, streams, seconds=seconds, process=process)
    with _server(_serve_gates, folder) as (port, process, issue):
        report["code_check"] = load(
            port, _codes(issue), seconds=seconds, connections=connections, process=process
        )
    return report


def _turns(asks: list[Ask]) -> Any:
    import itertools

    return itertools.cycle(asks).__next__


def _codes(key: bytes) -> Any:
    """Fresh codes, each of another visit."""
    import itertools
    import json

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from openaisle.adapters.entry_codes import CodeIssuer
    from openaisle.bench.load import Ask

    issuer = CodeIssuer(Ed25519PrivateKey.from_private_bytes(key), STORE)
    numbers = itertools.count()

    def make() -> Ask:
        body = json.dumps({"code": issuer.issue(f"b{next(numbers)}", time.time_ns())}).encode()
        return Ask(method="POST", path="/gates/entry/codes", body=body)

    return make


# --- servers, each in a process of its own ------------------------------------------------------------------------


@contextmanager
def _server(serve: Any, *arguments: Any) -> Iterator[tuple[int, Any, Any]]:
    """The port, the process, and what the server said when it was ready."""
    import psutil

    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=serve, args=(theirs, *arguments), daemon=True)
    process.start()
    try:
        port, said = ours.recv()
        yield port, psutil.Process(process.pid), said
    finally:
        process.terminate()
        process.join()


def _run(app: Any, told: Connection, said: Any) -> None:
    import uvicorn

    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # as the shop's own
    listener.bind(("127.0.0.1", 0))
    listener.listen(1024)
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)

    def tell() -> None:
        while not server.started:
            time.sleep(0.01)
        told.send((listener.getsockname()[1], said))

    threading.Thread(target=tell, daemon=True).start()
    server.run(sockets=[listener])


def _serve_bare(told: Connection, _: Path) -> None:
    """The least that FastAPI does: one async route that gives one small object."""
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/bare")
    async def bare() -> dict[str, int]:
        return {"total_minor": 0}

    _run(app, told, None)


def _serve_pages(told: Connection, folder: Path, phones: int, updates: float) -> None:
    """The shop's pages with so many shoppers inside, whose carts change in turn."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from openaisle.adapters.entry_codes import CodeIssuer
    from openaisle.edge.wishes import BusBooks
    from openaisle.store.load import load_store
    from openaisle.web.app import build_app
    from openaisle.web.desk import Desk
    from openaisle.web.view import ShopView

    store = load_store(STORE)
    desk = Desk(
        store,
        folder / "central.sqlite",
        CodeIssuer(Ed25519PrivateKey.generate(), store.store_id),
        BusBooks(folder / "nobody", time.time_ns),
        time.time_ns,
        is_simulated=False,
    )
    # People sign in with a key here: what is measured is not how long a passphrase takes.
    carts = [(f"b-{number}", _shopper(desk, number)) for number in range(phones)]
    threading.Thread(target=_change, args=(desk, [at for at, _ in carts], updates), daemon=True).start()
    _run(build_app(ShopView(store, is_simulated=False), desk), told, carts)


def _shopper(desk: Any, number: int) -> tuple[tuple[str, str], ...]:
    """A shopper who is in the shop; the headers that speak for them."""
    from openaisle.central.tables import AccountRow, VisitRow
    from openaisle.core.messages import VisitOpened

    now_ns = time.time_ns()
    visit_id = f"b-{number}"
    with desk._database.session() as session:
        session.add(
            AccountRow(
                account_id=f"a{number}",
                email=f"{number}@example.org",
                name=f"{number}",
                role="shopper",
                passphrase_hash=b"",
                is_blocked=False,
                created_ns=now_ns,
            )
        )
        session.flush()
        session.add(
            VisitRow(
                visit_id=visit_id,
                account_id=f"a{number}",
                method="exit",
                people_count=1,
                is_staff=False,
                issued_ns=now_ns,
                opened_ns=now_ns,
                closed_ns=0,
            )
        )
    desk.live.accept(VisitOpened(visit_id=visit_id, gate_id="entry", track_id=None, opened_ns=now_ns))
    return (("Authorization", f"Bearer {desk.accounts.open_session(f'a{number}', 'api', now_ns)}"),)


def _change(desk: Any, visit_ids: list[str], updates: float) -> None:
    """Carts of LINES lines that change one after the other, so many a second, late or not."""
    from openaisle.core.messages import CartChanged, CartLine

    products = list(desk.store.products.values())[:LINES]
    due, turn = time.monotonic(), 0
    while True:
        due += 1 / updates
        time.sleep(max(0.0, due - time.monotonic()))
        turn += 1
        now_ns = time.time_ns()
        lines = tuple(
            CartLine(
                product_id=product.product_id,
                quantity=1 + turn % 3,
                price_minor=product.price_minor,
                probability=0.97,
                pending=turn % 2 == 0,
                slot_id=None,
                picked_ns=now_ns,
            )
            for product in products
        )
        total_minor = sum(line.quantity * line.price_minor for line in lines)
        desk.accept(
            CartChanged(
                visit_id=visit_ids[turn % len(visit_ids)],
                changed_ns=now_ns,
                happened_ns=now_ns,
                lines=lines,
                total_minor=total_minor,
                currency=desk.store.currency,
            )
        )


def _serve_gates(told: Connection, folder: Path) -> None:
    """The gates' port, with the spent list on disk; taps are taken as the path takes them."""
    import os

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from openaisle.adapters.clock import WallClock
    from openaisle.adapters.entry_codes import CodeVerifier
    from openaisle.adapters.gate_http import gate_app
    from openaisle.adapters.gatekeeper import Gatekeeper
    from openaisle.store.load import load_store

    store = load_store(STORE)
    key = os.urandom(32)
    public = Ed25519PrivateKey.from_private_bytes(key).public_key()
    keeper = Gatekeeper(
        store.gates, CodeVerifier([public], store.store_id, folder / "spent.sqlite"), WallClock()
    )
    threading.Thread(target=lambda: all(True for _ in keeper.taps()), daemon=True).start()
    _run(gate_app(keeper), told, key)
