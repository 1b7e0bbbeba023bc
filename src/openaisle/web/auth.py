"""Who is asking, and who may: every route of the counter says which roles it is for.

A browser brings its session in a cookie that scripts cannot read and other sites cannot send; another system brings
its key as a bearer token (RFC 6750). What changes something takes JSON only, which a foreign page cannot send either.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from fastapi import Depends, HTTPException, Request, Response

from openaisle.central.accounts import BROWSER_NS, STAFF as STAFF, Account, Role
from openaisle.core.units import NS_PER_S
from openaisle.web.desk import Desk

COOKIE: Final = "openaisle_session"
REMEMBERED_NS: Final = (
    30 * NS_PER_S
)  # so long what another process does to an account may take to be felt here
REMEMBERED_MAX: Final = 5_000

ANYBODY: Final = frozenset(Role)
REVIEWERS: Final = frozenset({Role.REVIEWER, Role.MANAGER})
MANAGERS: Final = frozenset({Role.MANAGER})
MACHINES: Final = frozenset({Role.MACHINE, Role.MANAGER})
READERS: Final = STAFF | {Role.MACHINE}


class Auth:
    """Finds the account behind a request, and remembers it for a moment: phones ask often."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = threading.Lock()
        self._remembered: OrderedDict[tuple[str, str], tuple[int, Account]] = OrderedDict()

    def account(self, request: Request) -> Account | None:
        """Whoever asks; None if nobody known."""
        header = request.headers.get("authorization", "")
        if header[:7].lower() == "bearer ":
            return self._of(header[7:].strip(), "api")
        return self._of(request.cookies.get(COOKIE, ""), "browser")

    def sign_in(self, response: Response, account: Account, *, is_encrypted: bool) -> None:
        """Give the browser a session."""
        secret = self._desk.accounts.open_session(account.account_id, "browser", self._desk.now_ns())
        response.set_cookie(
            COOKIE,
            secret,
            max_age=BROWSER_NS // NS_PER_S,
            httponly=True,
            samesite="strict",
            secure=is_encrypted,
        )

    def sign_out(self, request: Request, response: Response) -> None:
        secret = request.cookies.get(COOKIE, "")
        self._desk.accounts.close_session(secret)
        with self._lock:
            self._remembered.pop((secret, "browser"), None)
        response.delete_cookie(COOKIE)

    def forget(self, account_id: str) -> None:
        """Something about this account has changed: look again."""
        with self._lock:
            for key in [at for at, (_, one) in self._remembered.items() if one.account_id == account_id]:
                del self._remembered[key]

    def needs(self, roles: frozenset[Role]) -> Any:
        """A dependency: the account, or 401 for nobody and 403 for somebody who may not."""

        # In the event loop, where phones ask all the time: memory as a rule, half a millisecond of disk at times.
        async def check(request: Request) -> Account:
            account = self.account(request)
            if account is None:
                raise HTTPException(401, "sign in first")
            if account.role not in roles or (account.is_blocked and account.role is not Role.SHOPPER):
                raise HTTPException(403, "this account may not do that")
            return account

        check.roles = roles  # type: ignore[attr-defined]  # read by the test of who may do what
        return Depends(check)

    def _of(self, secret: str, kind: str) -> Account | None:
        if not secret:
            return None
        now_ns = self._desk.now_ns()
        with self._lock:
            until_ns, account = self._remembered.get((secret, kind), (0, None))
        if account is not None and now_ns < until_ns:
            return account
        account = self._desk.accounts.of_session(secret, kind, now_ns)
        with self._lock:
            self._remembered.pop((secret, kind), None)
            if account is not None:
                self._remembered[secret, kind] = now_ns + REMEMBERED_NS, account
                while len(self._remembered) > REMEMBERED_MAX:
                    self._remembered.popitem(last=False)
        return account


class Patience:
    """So many tries in so long for each key, then none until the time is over. Bounded."""

    def __init__(self, tries_max: int, within_ns: int, now_ns: Callable[[], int]) -> None:
        self._tries_max, self._within_ns, self._now_ns = tries_max, within_ns, now_ns
        self._lock = threading.Lock()
        self._tries: OrderedDict[str, list[int]] = OrderedDict()

    def try_once(self, key: str) -> None:
        """Count a try; HTTPException 429 if there were too many."""
        now_ns = self._now_ns()
        with self._lock:
            tries = [at for at in self._tries.pop(key, []) if at > now_ns - self._within_ns]
            is_over = len(tries) >= self._tries_max
            self._tries[key] = tries if is_over else [*tries, now_ns]
            while len(self._tries) > REMEMBERED_MAX:
                self._tries.popitem(last=False)
        if is_over:
            raise HTTPException(429, "too many tries: wait a few minutes")
