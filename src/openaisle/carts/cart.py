"""Carts: who holds what, as a projection of the ledger of goods.

Interactions become moves; a newer revision of an interaction corrects them. Everything that decides a cart is in the
event log before it is said, so a restarted process finds every open visit as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from openaisle.carts.correct import REVERSED, corrections, new_move
from openaisle.carts.ledger import Ledger, cart_account
from openaisle.carts.plan import (
    CartPlan,
    CartSettings,
    Transfer,
    loose_transfers,
    moves_goods,
    plan_cart,
    sale_transfers,
)
from openaisle.carts.review import (
    CHANGED_AFTER_CLOSE,
    VISIT_NOT_OPEN,
    Prices,
    open_review,
    questions_at_close,
)
from openaisle.core.errors import LedgerDamaged
from openaisle.core.messages import (
    CartChanged,
    CartClosed,
    CartLine,
    Interaction,
    InteractionKind,
    Message,
    MoneyEntry,
    Move,
    MoveState,
    ProductId,
    Receipt,
    ReviewOpened,
    ShelfSwitched,
    VisitClosed,
    VisitId,
    VisitOpened,
    decode,
    encode,
)
from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.ports import EventLog
from openaisle.store.schema import Store

REMEMBER_NS: Final = 60 * NS_PER_S
"""How long after a visit closed, or after nobody's interaction, a newer revision of an interaction is still known."""

Follower: TypeAlias = Callable[[int, Message], None]
"""Takes over one entry of the ledger: its sequence number, and what it says."""

CartMessage: TypeAlias = Move | CartChanged | CartClosed | ReviewOpened


@dataclass(kw_only=True)
class _Visit:
    opened: VisitOpened
    interactions: dict[str, Interaction] = field(default_factory=dict)
    lines: tuple[CartLine, ...] = ()
    close_at_ns: int | None = None


@dataclass(kw_only=True)
class _Settled:
    """An interaction of a closed visit, remembered for a while."""

    interaction: Interaction
    visit_id: VisitId
    until_ns: int


class Carts:
    """All carts of one shop. Single writer of its event log."""

    def __init__(
        self,
        store: Store,
        event_log: EventLog,
        settings: CartSettings | None = None,
        followers: Sequence[Follower] = (),
    ) -> None:
        """Raises LedgerDamaged if what is in the log contradicts itself. `followers` hear every entry on the way."""
        self._store = store
        self._event_log = event_log
        self._settings = settings or CartSettings()
        self._ledger = Ledger()
        self._visits: dict[VisitId, _Visit] = {}
        self._loose: dict[str, Interaction] = {}  # nobody's
        self._owner: dict[str, VisitId | None] = {}  # of each interaction in _visits or _loose
        self._settled: dict[str, _Settled] = {}
        self._prices_minor: dict[str, int] = {}  # of one unit, by interaction
        of_product = {product_id: product.price_minor for product_id, product in store.products.items()}
        self._prices = Prices(self._prices_minor, of_product)
        self._standing: dict[str, list[Move]] = {}  # by interaction: neither voided nor reversed
        self._review_ids: dict[str, VisitId | None] = {}
        self._touched: set[VisitId | None] = set()  # visits whose interactions changed in this step
        self._holdings: Mapping[VisitId, Mapping[ProductId, int]] | None = None  # until something moves
        self._forget_at_ns = 0
        self._to_log: list[Message] = []
        self._is_sound = True
        self._rebuild(followers)

    @property
    def holdings(self) -> Mapping[VisitId, Mapping[ProductId, int]]:
        """What every open visit of a shopper carries, what is still being checked included."""
        if self._holdings is None:
            balances = self._ledger.balances
            self._holdings = {
                visit_id: dict(balances.get(cart_account(visit_id), {}))
                for visit_id, visit in self._visits.items()
                if not visit.opened.is_staff
            }
        return self._holdings

    @property
    def ledger(self) -> Ledger:
        """The accounts. For reading only."""
        return self._ledger

    def step(
        self, interactions: Sequence[Interaction], visits: Sequence[VisitOpened | VisitClosed], now_ns: int
    ) -> list[CartMessage]:
        """Everything that follows from these. On disk when it returns; OSError or LedgerDamaged if it cannot be.

        After such an error this object is behind its log and refuses work: make a new one, which reads the log.
        """
        if not self._is_sound:
            raise LedgerDamaged("the event log could not be written before; start again from what it has")
        self._is_sound = False
        for visit in visits:
            if isinstance(visit, VisitOpened):
                self._open(visit)
        said: list[CartMessage] = []
        accepted = [i for i in interactions if self._accept(i, said, now_ns)]
        said += self._correct(accepted, now_ns)
        for visit in visits:
            if isinstance(visit, VisitClosed):
                self._start_closing(visit)
        said += self._close_due(now_ns)
        said += self._forget(now_ns)
        self._write_log()
        self._is_sound = True
        return said

    def finish(self, now_ns: int) -> list[CartMessage]:
        """The shop closes: close every cart now."""
        for visit in self._visits.values():
            visit.close_at_ns = min(now_ns, visit.close_at_ns or now_ns)
        return self.step((), (), now_ns)

    # --- visits ---------------------------------------------------------------------------------------------------

    def _open(self, opened: VisitOpened) -> None:
        if opened.visit_id not in self._visits:
            self._visits[opened.visit_id] = _Visit(opened=opened)
            self._holdings = None
            self._to_log.append(opened)

    def _start_closing(self, closed: VisitClosed) -> None:
        visit = self._visits.get(closed.visit_id)
        if visit is not None and visit.close_at_ns is None:
            visit.close_at_ns = closed.closed_ns + self._settings.close_wait_ms * NS_PER_MS
            self._to_log.append(closed)

    def _close_due(self, now_ns: int) -> list[CartMessage]:
        due = [
            (visit.close_at_ns, visit_id)
            for visit_id, visit in self._visits.items()
            if visit.close_at_ns is not None and visit.close_at_ns <= now_ns
        ]
        said: list[CartMessage] = []
        for _, visit_id in sorted(due):
            visit = self._visits[visit_id]
            if visit.opened.is_staff:
                said += self._settle(visit.interactions.values(), now_ns, by_staff=True)
                self._to_log.append(CartClosed(visit_id=visit_id, closed_ns=now_ns, lines=()))
                self._closed(visit_id, now_ns)
            else:
                said += self._close(visit_id, visit, now_ns)
        return said

    def _close(self, visit_id: VisitId, visit: _Visit, now_ns: int) -> list[CartMessage]:
        plan = self._plan(visit, is_closing=True)
        said: list[CartMessage] = list(self._move(visit.interactions.values(), plan.transfers, now_ns))
        said += self._show(visit_id, plan, now_ns)
        interactions = list(visit.interactions.values())
        for review in questions_at_close(
            visit_id, interactions, self._prices, plan.lines, self._settings, now_ns
        ):
            said += self._ask(review)
        for number, transfer in enumerate(sale_transfers(visit_id, plan.lines, now_ns), start=1):
            said.append(self._apply(new_move(f"{visit_id}/sold/{number}", transfer, now_ns)))
        review_ids = tuple(sorted(at for at, asked_of in self._review_ids.items() if asked_of == visit_id))
        closed = CartClosed(visit_id=visit_id, closed_ns=now_ns, lines=plan.lines, review_ids=review_ids)
        self._to_log.append(closed)
        self._closed(visit_id, now_ns)
        return [*said, closed]

    def _closed(self, visit_id: VisitId, closed_ns: int) -> None:
        visit = self._visits.pop(visit_id)
        self._holdings = None
        self._ledger.close_account(cart_account(visit_id))
        for interaction_id, interaction in visit.interactions.items():
            until_ns = closed_ns + REMEMBER_NS
            self._settled[interaction_id] = _Settled(
                interaction=interaction, visit_id=visit_id, until_ns=until_ns
            )
            del self._owner[interaction_id]

    # --- interactions ---------------------------------------------------------------------------------------------

    def _accept(self, interaction: Interaction, said: list[CartMessage], now_ns: int) -> bool:
        """Take an interaction in, if it is news. What needs a person is added to `said`."""
        interaction_id = interaction.interaction_id
        settled = self._settled.get(interaction_id)
        if settled is not None:
            if interaction.revision > settled.interaction.revision:
                if _effect(interaction) != _effect(settled.interaction):
                    said += self._ask(
                        open_review(settled.visit_id, interaction_id, CHANGED_AFTER_CLOSE, now_ns)
                    )
                settled.interaction = interaction
            return False
        known = self._known(interaction_id)
        if known is not None and interaction.revision <= known.revision:
            return False
        if known is None and not (
            moves_goods(interaction) or interaction.kind is InteractionKind.UNEXPLAINED
        ):
            return False
        owner = interaction.visit_id
        if owner is not None and owner not in self._visits:
            if not self._is_asked(owner, VISIT_NOT_OPEN):  # One look shows all that they did since.
                said += self._ask(open_review(owner, interaction_id, VISIT_NOT_OPEN, now_ns))
            owner = None
        self._to_log.append(interaction)
        self._put(interaction, owner)
        return True

    def _known(self, interaction_id: str) -> Interaction | None:
        if interaction_id not in self._owner:
            return None
        return self._held_by(self._owner[interaction_id])[interaction_id]

    def _held_by(self, owner: VisitId | None) -> dict[str, Interaction]:
        return self._loose if owner is None else self._visits[owner].interactions

    def _put(self, interaction: Interaction, owner: VisitId | None) -> None:
        """Keep the newest revision with its present owner, and its price as it is at this moment."""
        interaction_id = interaction.interaction_id
        before = self._known(interaction_id)
        if before is not None:
            owner_before = self._owner[interaction_id]
            del self._held_by(owner_before)[interaction_id]
            self._touched.add(owner_before)
        self._touched.add(owner)
        self._owner[interaction_id] = owner
        self._held_by(owner)[interaction_id] = interaction
        if interaction.product_id is not None and (
            before is None or before.product_id != interaction.product_id
        ):
            assert interaction.product_id in self._store.products, interaction.product_id
            price_minor = interaction.price_minor or self._store.products[interaction.product_id].price_minor
            self._prices_minor[interaction_id] = price_minor

    # --- moves ----------------------------------------------------------------------------------------------------

    def _correct(self, accepted: Sequence[Interaction], now_ns: int) -> list[CartMessage]:
        """Bring moves and carts in line with what the interactions now say."""
        if not accepted and not self._touched:
            return []
        plans = {
            visit_id: self._plan(self._visits[visit_id]) for visit_id in sorted(filter(None, self._touched))
        }
        self._touched.clear()
        concerned = [i for i in accepted if self._owner[i.interaction_id] is None]
        transfers = [transfer for i in concerned for transfer in loose_transfers(i, self._settings)]
        for visit_id, plan in plans.items():
            concerned += self._visits[visit_id].interactions.values()
            transfers += plan.transfers
        said: list[CartMessage] = list(self._move(concerned, transfers, now_ns))
        for visit_id, plan in plans.items():
            mine = [i.happened_ns for i in accepted if self._owner[i.interaction_id] == visit_id]
            said += self._show(visit_id, plan, now_ns, max(mine, default=0))
        return said

    def _plan(self, visit: _Visit, *, is_closing: bool = False) -> CartPlan:
        interactions = visit.interactions.values()
        if visit.opened.is_staff:
            by_staff = [loose_transfers(i, self._settings, by_staff=True) for i in interactions]
            return CartPlan(transfers=tuple(transfer for each in by_staff for transfer in each))
        visit_id = visit.opened.visit_id
        return plan_cart(visit_id, interactions, self._prices_minor, self._settings, is_closing=is_closing)

    def _move(
        self, concerned: Iterable[Interaction], transfers: Iterable[Transfer], now_ns: int
    ) -> list[Move]:
        revisions = {i.interaction_id: i.revision for i in concerned}
        moves = corrections(self._standing, transfers, revisions, self._ledger.moves, now_ns)
        return [self._apply(move) for move in moves]

    def _apply(self, move: Move) -> Move:
        self._ledger.apply(move)
        self._holdings = None
        standing = self._standing.setdefault(move.interaction_id, []) if move.interaction_id else []
        undone_id = move.move_id.removesuffix(REVERSED)
        standing[:] = [other for other in standing if other.move_id != undone_id]
        if move.state is not MoveState.VOIDED and undone_id == move.move_id:
            standing.append(move)
        self._to_log.append(move)
        return move

    def _show(
        self, visit_id: VisitId, plan: CartPlan, now_ns: int, happened_ns: int = 0
    ) -> list[CartMessage]:
        """The cart, if it is not what was last said."""
        visit = self._visits[visit_id]
        if plan.lines == visit.lines:
            return []
        visit.lines = plan.lines
        newest_ns = max((i.happened_ns for i in visit.interactions.values()), default=0)
        changed = CartChanged(
            visit_id=visit_id,
            changed_ns=now_ns,
            happened_ns=happened_ns or newest_ns,
            lines=plan.lines,
            total_minor=sum(line.quantity * line.price_minor for line in plan.lines),
            currency=self._store.currency,
        )
        return [changed]

    def _settle(self, interactions: Iterable[Interaction], now_ns: int, *, by_staff: bool) -> list[Move]:
        """Nothing more will be learnt about these, and nobody pays for them: post what is likely, void the rest."""
        concerned = list(interactions)
        likely = [i for i in concerned if i.probability >= self._settings.bill_probability_min]
        transfers = [
            replace(transfer, is_pending=False)
            for i in likely
            for transfer in loose_transfers(i, self._settings, by_staff=by_staff)
        ]
        return self._move(concerned, transfers, now_ns)

    def _ask(self, review: ReviewOpened) -> list[CartMessage]:
        if review.review_id in self._review_ids:
            return []
        self._review_ids[review.review_id] = review.visit_id
        self._to_log.append(review)
        return [review]

    def _is_asked(self, visit_id: VisitId, reason: str) -> bool:
        """Whether a review of a visit for that reason was opened lately."""
        return any(
            asked_of == visit_id and review_id.endswith(f"/{reason}")
            for review_id, asked_of in self._review_ids.items()
        )

    # --- memory ---------------------------------------------------------------------------------------------------

    def _forget(self, now_ns: int) -> list[CartMessage]:
        """Let go, about once a minute, of what no later reading can change. The log keeps it."""
        if now_ns < self._forget_at_ns:
            return []
        self._forget_at_ns = now_ns + REMEMBER_NS
        horizon_ns = min((visit.opened.opened_ns for visit in self._visits.values()), default=now_ns)
        horizon_ns = min(horizon_ns, now_ns - REMEMBER_NS)
        old = [i for i in self._loose.values() if i.happened_ns < horizon_ns]
        said: list[CartMessage] = list(self._settle(old, now_ns, by_staff=False))
        for interaction in old:
            del self._loose[interaction.interaction_id]
            del self._owner[interaction.interaction_id]
        for interaction_id in [at for at, settled in self._settled.items() if settled.until_ns <= now_ns]:
            del self._settled[interaction_id]
        kept = self._owner.keys() | self._settled.keys()
        for memory in (self._standing, self._prices_minor):
            for interaction_id in [at for at in memory if at not in kept]:
                del memory[interaction_id]
        gone = [
            move.move_id
            for move in self._ledger.moves.values()
            if move.interaction_id not in kept and move.decided_ns <= now_ns - REMEMBER_NS
        ]
        self._ledger.forget(gone)
        for review_id, visit_id in list(self._review_ids.items()):
            if review_id.rpartition("/")[0] not in kept and visit_id not in self._visits:
                del self._review_ids[review_id]
        return said

    def _write_log(self) -> None:
        if self._to_log:
            self._event_log.append([encode(message) for message in self._to_log])
            self._to_log.clear()

    def _rebuild(self, followers: Sequence[Follower]) -> None:
        """Take over what the log says, which is what another object of this class once said."""
        for sequence, entry in self._event_log.read():
            try:
                message = decode(entry)
                self._replay(message)
                for follow in followers:
                    follow(sequence, message)
            except (ValueError, KeyError, AssertionError, LedgerDamaged) as error:
                raise LedgerDamaged(f"entry {sequence} of the event log contradicts it: {error}") from error
        self._to_log.clear()
        self._touched.clear()
        for visit in self._visits.values():
            visit.lines = self._plan(visit).lines

    def _product_of(self, interaction_id: str) -> ProductId | None:
        """What an interaction that is still followed is now about."""
        if interaction_id not in self._owner:
            return None
        return self._held_by(self._owner[interaction_id])[interaction_id].product_id

    def _replay(self, message: Message) -> None:
        if isinstance(message, Move):
            self._apply(message)
            # The voiding of an earlier revision's move carries the price of what that was about.
            if message.price_minor and message.product_id == self._product_of(message.interaction_id):
                self._prices_minor[message.interaction_id] = message.price_minor
        elif isinstance(message, Interaction):
            is_open = message.visit_id in self._visits
            self._put(message, message.visit_id if is_open else None)
        elif isinstance(message, VisitOpened):
            self._open(message)
        elif isinstance(message, VisitClosed):
            self._start_closing(message)
        elif isinstance(message, ReviewOpened):
            self._ask(message)
        elif isinstance(message, CartClosed):
            self._closed(message.visit_id, message.closed_ns)
        elif not isinstance(message, Receipt | MoneyEntry | ShelfSwitched):  # which are of others
            raise LedgerDamaged(f"{type(message).__name__} does not belong in an event log")


def _effect(interaction: Interaction) -> tuple[object, ...]:
    """What an interaction says about goods and shoppers, however sure it is."""
    if not moves_goods(interaction):
        return ()
    kind, visit_id = interaction.kind, interaction.visit_id
    return kind, visit_id, interaction.product_id, interaction.quantity
