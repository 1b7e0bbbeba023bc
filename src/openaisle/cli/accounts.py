"""`openaisle accounts`: who works here, which systems may ask, and links by which people sign in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from openaisle.central.accounts import Account, Accounts

STORE = typer.Argument(help="Store folder.")
STATE = typer.Option(help="Where the shop keeps its state; <store>/state unless told otherwise.")
PORT = typer.Option(help="Of the pages.")


def register(app: typer.Typer) -> None:
    accounts = typer.Typer(
        help="Who works here, which systems may ask, and how they sign in.", no_args_is_help=True
    )
    app.add_typer(accounts, name="accounts")
    accounts.command("add")(add)
    accounts.command("link")(link)
    accounts.command("key")(key)
    accounts.command("block")(block)


def add(
    store: Annotated[str, STORE],
    email: Annotated[str, typer.Option(help="Names the account.")],
    name: Annotated[str, typer.Option(help="As others see it.")],
    role: Annotated[str, typer.Option(help="staff | reviewer | manager | machine")] = "staff",
    state: Annotated[Path | None, STATE] = None,
) -> None:
    """Add somebody who works here, or another system. They sign in by a link, or with a key."""
    import secrets
    import time

    from openaisle.central.accounts import STAFF, Role
    from openaisle.core.errors import InputError

    if role not in STAFF | {Role.MACHINE}:
        raise InputError(
            "no such role", field="--role", expected="staff, reviewer, manager or machine", found=role
        )
    made = _accounts(store, state).sign_up(email, name, secrets.token_hex(16), time.time_ns(), Role(role))
    print(f"{made.account_id}  {made.email}  {made.role}")


def link(
    store: Annotated[str, STORE],
    email: Annotated[str, typer.Option(help="Whose account.")],
    port: Annotated[int, PORT] = 8080,
    state: Annotated[Path | None, STATE] = None,
) -> None:
    """Print a link that signs a browser in: good once, for 15 minutes."""
    import time

    accounts = _accounts(store, state)
    account = _account(accounts, email)
    secret = accounts.open_session(account.account_id, "link", time.time_ns())
    print(f"http://127.0.0.1:{port}/sign-in/{secret}")


def key(
    store: Annotated[str, STORE],
    email: Annotated[str, typer.Option(help="Of an account of role machine.")],
    state: Annotated[Path | None, STATE] = None,
) -> None:
    """Print a key for another system, to be sent as `Authorization: Bearer`: good for a year, told once."""
    import time

    from openaisle.central.accounts import Role
    from openaisle.core.errors import InputError

    accounts = _accounts(store, state)
    account = _account(accounts, email)
    if account.role is not Role.MACHINE:
        raise InputError(
            "has no key", field="--email", expected="an account of role machine", found=account.role
        )
    print(accounts.open_session(account.account_id, "api", time.time_ns()))


def block(
    store: Annotated[str, STORE],
    email: Annotated[str, typer.Option(help="Whose account.")],
    undo: Annotated[bool, typer.Option("--undo", help="Let them in again.")] = False,
    state: Annotated[Path | None, STATE] = None,
) -> None:
    """Let an account in no more: no code, and at the gate no entry."""
    accounts = _accounts(store, state)
    accounts.block(_account(accounts, email).account_id, is_blocked=not undo)


def _accounts(store: str, state: Path | None) -> Accounts:
    from openaisle.central.accounts import Accounts
    from openaisle.central.database import FILE, Database
    from openaisle.store.load import store_folder

    return Accounts(Database((state or store_folder(store) / "state") / FILE))


def _account(accounts: Accounts, email: str) -> Account:
    from openaisle.core.errors import InputError

    found = accounts.find(email)
    if found is None:
        raise InputError("no such account", field="--email", found=email)
    return found
