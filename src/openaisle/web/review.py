"""The review queue: what shoppers dispute and what the path doubts, one case after the other, by keyboard."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from pydantic import BaseModel

from openaisle.central.accounts import Account
from openaisle.central.cases import Case
from openaisle.replay.clip_view import SCRIPT, STYLE, Reader, clips_html
from openaisle.replay.clips import decode_clip
from openaisle.web.auth import REVIEWERS, Auth
from openaisle.web.desk import Desk
from openaisle.web.pages import Pages
from openaisle.web.shopper import NOT_THERE
from openaisle.web.sign_in import LEADS_ON, Body, page_for
from openaisle.web.words import language_of, words


class QueuedCase(BaseModel):
    """A case with all that is known about it."""

    case_id: str
    kind: str
    visit_id: str
    receipt_id: str
    product_id: str
    product: str
    quantity: int
    reason: str
    missing: str
    note: str
    amount_minor: int
    state: str
    opened_ns: int
    needs_two: bool
    is_mine_already: bool
    evidence: list[dict[str, Any]]


class Queue(BaseModel):
    cases: list[QueuedCase]
    rates: dict[str, float | int]


class DecisionIn(Body):
    case_id: str
    accept: bool


class DecisionOut(BaseModel):
    case_id: str
    state: str


def review_router(desk: Desk, auth: Auth, pages: Pages) -> APIRouter:
    router = APIRouter(tags=["review"])
    reviewers = auth.needs(REVIEWERS)

    @router.get("/review", response_class=HTMLResponse, responses=LEADS_ON)
    def page(request: Request) -> Response:
        return page_for(REVIEWERS, request, auth, pages, "review.html")

    @router.get("/api/v1/cases")
    def queue(account: Account = reviewers) -> Queue:
        """What waits for a person, oldest first."""
        return Queue(
            cases=[_queued(desk, case, account) for case in desk.cases.open_cases()], rates=desk.cases.rates()
        )

    @router.get("/review/reasons/{interaction_id:path}", response_class=HTMLResponse, responses=NOT_THERE)
    def reasons(interaction_id: str, request: Request, _: Account = reviewers) -> HTMLResponse:
        """A piece of HTML: plates, candidates with their terms and skeletons about one decision."""
        clips = [decode_clip(clip) for clip in desk.reasons.of(interaction_id)]
        if not clips:
            raise HTTPException(404, "nothing is kept of it")
        visit_ids = {told.visit_id for clip in clips for told in clip.said if told.visit_id}
        said = words(language_of(request))
        return HTMLResponse(
            clips_html(Reader.of(desk.store, said, min(visit_ids, default=None), clips), clips)
        )

    @router.get("/review/{name}", response_class=FileResponse, include_in_schema=False)
    def asset(name: Literal["clip.js", "clip.css"]) -> FileResponse:
        return FileResponse(SCRIPT if name == "clip.js" else STYLE)

    @router.post("/api/v1/decisions")
    def decide(body: DecisionIn, account: Account = reviewers) -> DecisionOut:
        """Accept: the money goes back. Above the limit a second person must accept it too."""
        case = desk.decide(body.case_id, accept=body.accept, by=account.account_id)
        return DecisionOut(case_id=case.case_id, state=case.state)

    return router


def _queued(desk: Desk, case: Case, account: Account) -> QueuedCase:
    kept = desk.receipts.get(case.receipt_id) if case.receipt_id else None
    product = desk.store.products.get(case.product_id)
    evidence: list[dict[str, Any]] = []
    if kept is not None:
        lines = [line for line in kept.receipt.lines if line.product_id == case.product_id]
        names = {name for line in lines for name in line.evidence} | {case.interaction_id}
        evidence = [kept.evidence[name] for name in sorted(names) if name in kept.evidence]
    if case.interaction_id and not any(one["interaction_id"] == case.interaction_id for one in evidence):
        live = desk.receipts.interaction(case.interaction_id)
        evidence += [live] if live else []
    names = [name for name in QueuedCase.model_fields if name in Case.__dataclass_fields__]
    return QueuedCase(
        **{name: getattr(case, name) for name in names},
        product=product.name if product else case.product_id,
        needs_two=case.amount_minor >= desk.cases.settings.two_people_minor,
        is_mine_already=case.seconded_by == account.account_id,
        evidence=[each | {"has_reasons": desk.reasons.has(each["interaction_id"])} for each in evidence],
    )
