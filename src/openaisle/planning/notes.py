"""What a plan must say beside its figures: risks, data protection, acceptance tests, and what sets a trade apart."""

from __future__ import annotations

from typing import Final

from openaisle.planning.advice import Advice
from openaisle.planning.equipment import Equipment
from openaisle.planning.expected import Expected
from openaisle.planning.place import Placement
from openaisle.planning.scales import ScalePlan
from openaisle.planning.scope import RulesRow, Scope

RECEIPTS_TARGET: Final = 0.98
WRONG_TARGET: Final = 0.003
ENTRIES: Final = {
    "code": "a code in an app, 30 s, single use, signed; several people may come in on one",
    "card": "a card or phone held to the gate, the amount reserved before it opens",
    "badge": "the badge that people have already",
}
PAYMENTS: Final = {
    "card": "the card or account that opened the gate",
    "payroll": "the meal account, settled with the wages",
    "pick_list": "nobody: what is carried out is compared with the order",
}
LAWS: Final = {
    "GDPR": (
        "Billing rests on the contract, receipts on tax law, loss prevention on a legitimate interest with a written "
        "assessment; analytics and training only with consent. Rights of access and erasure; a data protection impact "
        "assessment before opening (systematic monitoring).",
        "Video is not kept: frames live in memory and are dropped. Skeletons are personal data all the same: kept as "
        "evidence of a disputed line only as long as the dispute may come.",
    ),
    "CCPA": (
        "Notice at collection with the categories of data and why; opting out as easy as opting in; no sale of data.",
        "Some cities ask for more: New York City for a sign about biometric identifiers, which is put up although "
        "vectors of clothes and build stay in memory. Illinois and Texas have laws of their own.",
    ),
    "PDPL": (
        "Consent that can be shown, data kept in the country unless a transfer is allowed, a register of processing.",
        "The store's node keeps everything in the store; a chain's server must stand in the country.",
    ),
    "local law": (
        "No note of ours covers this jurisdiction: let counsel name the law on video, personal and biometric data.",
    ),
}
_EUROPEAN: Final = frozenset(
    {
        "AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE", "IT", "LV", "LT", "LU",
        "MT", "NL", "PL", "PT", "RO", "SK", "SI", "ES", "SE", "NO", "IS", "LI", "GB", "UK",
    }
)  # fmt: skip


def law_of(jurisdiction: str) -> str:
    """Which of LAWS a jurisdiction's code (DE, US, US-CA, GB, AE) stands under."""
    country = jurisdiction.split("-")[0].upper()
    if country in _EUROPEAN:
        return "GDPR"
    return {"US": "CCPA", "AE": "PDPL"}.get(country, "local law")


def privacy_notes(scope: Scope) -> list[str]:
    """What holds everywhere, then what the jurisdiction adds."""
    return [
        "No face and no palm is looked at; nobody is recognised from an earlier visit. Who entered is known from the "
        f"gate: {ENTRIES[scope.rules.entry]}.",
        "Clothes, build and way of walking tell people apart during a visit, as vectors in memory, dropped within a "
        "minute of leaving.",
        "Signs at the entry, a public privacy notice and a retention schedule are conditions of opening.",
        *LAWS[law_of(scope.shop.jurisdiction)],
    ]


def risks(
    scope: Scope,
    placement: Placement,
    scales: ScalePlan,
    advice: Advice,
    equipment: Equipment,
    expected: Expected | None,
) -> list[tuple[str, str, str]]:
    """(risk, what is known of it here, what is done about it), the plan's own figures in them."""
    rows: list[tuple[str, str, str]] = [
        (
            "Goods that neither weight nor place tells apart",
            f"{scales.placements_with_twin} of {scales.placements} placements share a shelf with goods within 10 g "
            f"({scales.placements_with_twin_before} before rearranging); {scales.look_alikes_together} look-alikes on "
            "one shelf",
            "keep the planogram; let `openaisle store check` run before every change of it",
        ),
        (
            "A camera fails",
            f"{advice.facings_blind_by_one_loss} facings would go blind by the loss of some one camera; most below "
            f"what is asked: {advice.losses[0].facings_below} facings by {advice.losses[0].camera_id}",
            "two cameras in stock, replaced within a day; scales go on by themselves, doubtful visits go to a person",
        ),
        (
            "The simulator flatters",
            "expected accuracy comes from a shop made of numbers"
            + ("" if expected is None else f": {expected.visits} visits, seed {expected.seed}"),
            "the pilot's acceptance tests decide, on recordings of this store",
        ),
        (
            "Integration takes longer than thought",
            f"point of sale: {scope.systems.pos}, ERP: {scope.systems.erp}, stock: {scope.systems.stock}",
            "interfaces are agreed in the first phase; the most underestimated part, by the article as well",
        ),
        (
            "Patents",
            "fusing shelf weights with cameras to charge shoppers is a field with many patents",
            "a search for the country before signing",
        ),
        (
            "More people than planned for",
            f"{equipment.people_at_peak} people at once in the busiest minutes were assumed",
            "the gate holds people back before accuracy falls; exit is never blocked",
        ),
    ]
    if advice.glare:
        rows.append(
            (
                "Low sun through the doors",
                f"{len(advice.glare)} cameras look towards a gate: {', '.join(advice.glare[:6])}",
                "blinds or film on the glass; look at a recording of a low sun before opening",
            )
        )
    if scope.rules.age_limits:
        rows.append(
            (
                "Goods with an age limit",
                "taken without staff seeing it",
                "staff is told at the pick, and lets the shopper out; shelves near the staffed place",
            )
        )
    if scope.rules.tare_goods:
        rows.append(
            (
                "Goods sold by weight",
                "bowls, loose fruit: no catalogue mass",
                "weighed and labelled at a scale before the gate; the label is the product",
            )
        )
    rows.append(("Peculiar to this trade", scope.rules.differs, "part of the acceptance tests"))
    if placement.short:
        names = "; ".join(f"{len(some)} {kind}" for kind, some in placement.short.items())
        rows.append(
            (
                "Places no camera sees well enough",
                names,
                "lower shelving, another aisle, or fewer pixels asked",
            )
        )
    return rows


def acceptance_tests(scope: Scope, placement: Placement) -> list[tuple[str, str, str]]:
    """(what, how, passed when): every line can be measured, and says how many it takes."""
    rules: RulesRow = scope.rules
    rows = [
        (
            "Every facing is seen",
            "a person walks the shelves, stands and reaches at every slot; recorded",
            f"{scope.placement.views_min} cameras or more show the hand at {scope.placement.facing_px_per_m:g} px/m, "
            f"for all {placement.needs.get('facing', 0)} facings",
        ),
        (
            "Receipts",
            "1,000 visits by hired shoppers with lists, by families of hard cases",
            f"{RECEIPTS_TARGET:.0%} exact or better; wrongly billed {WRONG_TARGET:.1%} or less",
        ),
        (
            "Never billed for nothing",
            "3,000 reaches without taking",
            "0 billed (so below 1 in 1,000 with 95 % confidence)",
        ),
        (
            "Latency",
            "from the scale's edge to the cart, at the busiest load, 10,000 events",
            f"p99 {rules.latency_ms} ms or less",
        ),
        (
            "A camera, a scale, the network fails",
            "each unplugged in turn with people inside",
            "noticed within 1 s, no wrong charge, exit stays open",
        ),
        ("Power cut", "pulled 50 times with people inside", "no acknowledged entry lost or doubled"),
        (
            "Entry",
            f"entry by {rules.entry}: forged, repeated, expired, 10,000 times",
            "0 let in",
        ),
        (
            "Erasure",
            "100 visits erased, storage searched for what was planted",
            "0 found; tax records kept without the person",
        ),
    ]
    if rules.payment == "pick_list":
        rows.append(
            (
                "Picks against orders",
                "1,000 orders with 5 % planted mistakes (`openaisle plan picks`)",
                "every planted mistake is said at the gate, at most 1 % false alarms",
            )
        )
    if rules.payment == "payroll":
        rows.append(("Meal account", "200 meals of 20 badges", "accounts and receipts agree to the cent"))
    if rules.age_limits:
        rows.append(("Age limits", "200 picks of limited goods", "staff is told within 1 s of each"))
    if rules.tare_goods:
        rows.append(("Goods by weight", "200 labelled bowls and bags", "billed as labelled, tare taken off"))
    return rows
