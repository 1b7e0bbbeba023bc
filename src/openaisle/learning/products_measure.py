"""How well products are told apart: hands with the goods of stores that nothing was trained on, by px a pack.

A picture is of a shopper of the simulator taking a pack out of its slot, from the store's camera that looks most
nearly at the pack's front of those that see it well, or from any that sees some of it. Crops are off the pack's middle
and of the wrong size, as a hand's window is; with noise, motion, encoder. Asked are all products of the store at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from openaisle.core.messages import ProductId
from openaisle.detections.products import (
    Pixels,
    ProductLook,
    ProductNetwork,
    ProductRecogniser,
    ProductSettings,
    Seen,
)
from openaisle.learning.galleries import rendered_gallery
from openaisle.learning.people_stores import training_store
from openaisle.learning.products_calibrate import HeldOut
from openaisle.learning.products_held_out import HandPicture, HandPictures, hand_crop, look_alikes
from openaisle.learning.products_odds import NONE_SHARE
from openaisle.learning.reliability import BINS, Head, reliability
from openaisle.learning.report import Family, FamilyRow, Report, cut, store_seeds
from openaisle.learning.sheets import Example
from openaisle.sim.optics import Appearance
from openaisle.sim.pack_pictures import gallery_pictures
from openaisle.store.schema import Store

CURVE_PX: Final = (15, 20, 30, 40, 60, 80, 100, 150, 200)
TOP_PX: Final = 60
PAIR_PX: Final = 100
PRODUCTS_MAX: Final = 120  # of a random store
STRANGERS_FROM: Final = 9500
"""Seed of the random store whose goods a measured store does not sell."""
LIGHTS: Final[Mapping[str, float]] = {"dark (0.6)": 0.6, "usual (1)": 1.0, "bright (1.6)": 1.6}
"""Exposure against a shop's usual one."""
USUAL: Final = "usual (1)"
EXAMPLES_A_STORE: Final = 12
FRONT_COS: Final = 0.5
MARKED_MIN: Final = 0.03
"""Of a pack's box that tells it from its look-alike: at 100 px a pack about a dozen px in each direction."""


@dataclass(frozen=True, kw_only=True)
class PackCase:
    """One crop and what was made of it."""

    kind: str  # product | any view | empty hand | emptied hand | another shop's
    px: int
    light: str
    product_id: ProductId | None  # that the shop sells; None = none of these
    look: ProductLook
    seen_share: float
    front_cos: float
    steepness_deg: float
    has_look_alike: bool
    marked: float | None  # `HandPicture.marked`
    told_apart: bool | None = None  # from its look-alike, of these two alone
    told_apart_whole: bool | None = None  # the same without the comparison by cells

    @property
    def is_right(self) -> bool:
        """The likeliest product is the one in the hand; none of these is not asked."""
        return self.look.top[0][0] == self.product_id


@dataclass
class Cases:
    """All crops of some stores."""

    stores: list[str] = field(default_factory=list[str])
    products: int = 0
    cases: list[PackCase] = field(default_factory=list[PackCase])
    examples: list[Example] = field(default_factory=list[Example])

    def of(self, kind: str, px: int | None = TOP_PX, light: str = USUAL) -> list[PackCase]:
        return [
            case
            for case in self.cases
            if case.kind == kind and case.light == light and (px is None or case.px == px)
        ]

    def none(self) -> list[PackCase]:
        """Hands that hold nothing, and goods of another shop."""
        return self.of("empty hand") + self.of("another shop's")


@dataclass(frozen=True)
class _Batch:
    """Pictures that are looked at in the same way."""

    kind: str
    light: str
    pictures: Sequence[HandPicture]
    sizes_px: Sequence[int]


def measure_store(
    store: Store,
    seed: int,
    network: ProductNetwork,
    cases: Cases,
    *,
    hands: int = 2,
    products_max: int | None = None,
    lights: Iterable[str] = (),
    report: Callable[[int], None] = lambda _: None,
) -> ProductRecogniser:
    """Add a store's crops to the cases; `report` hears 1 to 4. `lights`: of LIGHTS, to draw one hand a product in."""
    ids = sorted(store.products)[:products_max]
    recogniser = ProductRecogniser(rendered_gallery(store, network, ids), network)
    report(1)
    makers = HandPictures(store, seed)
    pictures = list(makers.of_products(ids, hands))
    report(2)
    any_view = list(makers.of_products(ids, max(1, hands // 3), best=False))
    empty = list(makers.empty(max(8, len(pictures) // 10)))
    other = training_store(STRANGERS_FROM)
    strangers = list(HandPictures(other, seed).of_products(sorted(other.products)[: len(ids)], 1))
    batches = [
        _Batch("product", USUAL, pictures, CURVE_PX),
        _Batch("empty hand", USUAL, empty, (TOP_PX,)),
        _Batch("another shop's", USUAL, [replace(one, product_id=None) for one in strangers], (TOP_PX,)),
        _Batch("any view", USUAL, any_view, (TOP_PX,)),
    ]
    for light in lights:
        exposed = replace(Appearance.of_store(store), exposure=LIGHTS[light])
        lit = list(HandPictures(store, seed, exposed).of_products(ids, 1))
        batches.append(_Batch("product", light, lit, (TOP_PX,)))
    batches.append(_Batch("emptied hand", USUAL, [_emptied(one) for one in pictures], (TOP_PX,)))
    report(3)
    rng = np.random.default_rng([seed, 41])
    examples = 0
    for batch in batches:
        for px in batch.sizes_px:
            crops = [hand_crop(picture, px, rng) for picture in batch.pictures]
            found = _cases(recogniser, store, network.see(crops), batch, px)
            cases.cases += found
            if px != PAIR_PX:
                continue
            for case, crop in zip(found, crops, strict=True):
                if not case.is_right and examples < EXAMPLES_A_STORE:
                    cases.examples.append(_example(store, makers, case, crop))
                    examples += 1
    cases.stores.append(store.store_id)
    cases.products += len(ids)
    report(4)
    return recogniser


def examine(
    settings: ProductSettings, held_out: HeldOut, report: Callable[[int], None] = lambda _: None
) -> Report:
    """Random stores, pooled: figures, the same by family, reliability, mistakes to look at."""
    network = ProductNetwork(settings)
    cases = Cases()
    for number in range(held_out.stores):
        seed = held_out.first_store + number
        lights = [light for light in LIGHTS if light != USUAL]
        measure_store(
            training_store(seed), seed, network, cases,
            hands=held_out.hands, products_max=PRODUCTS_MAX, lights=lights,
        )  # fmt: skip
        report(number + 1)
    figures = figures_of(cases)
    return Report(
        subject="Products",
        on=store_seeds(held_out.first_store, held_out.stores),
        held_out=asdict(held_out),
        figures={"network_sha256": network.sha256, **figures},
        lines=lines(figures),
        families=families(cases),
        heads=heads(cases),
        examples={"wrong at 100 px": cases.examples},
    )


def figures_of(cases: Cases) -> dict[str, Any]:
    """As JSON."""
    sixty, none = cases.of("product"), cases.none()
    any_view, pairs = cases.of("any view"), [each for each in cases.of("product", PAIR_PX) if _is_pair(each)]
    answer, said_none = heads(cases)
    front_pairs = [each for each in pairs if each.front_cos > FRONT_COS]
    marked_pairs = [each for each in pairs if _is_marked(each)]
    return {
        "stores": cases.stores,
        "products": cases.products,
        "hands": len(sixty),
        "top1_60px": _share(case.is_right for case in sixty),
        "top5_60px": _share(_is_in_five(case) for case in sixty),
        "top1_60px_front": _share(case.is_right for case in sixty if case.front_cos > FRONT_COS),
        "any_view_top1_60px": _share(case.is_right for case in any_view),
        "any_view_hands": len(any_view),
        "look_alikes_100px": {
            "n": len(pairs),
            "accuracy": _share(case.told_apart for case in pairs),
            "accuracy_front": _share(case.told_apart for case in front_pairs),
            "n_front": len(front_pairs),
            "accuracy_marked": _share(case.told_apart for case in marked_pairs),
            "n_marked": len(marked_pairs),
            "accuracy_without_cells": _share(case.told_apart_whole for case in pairs),
        },
        "none_recall_60px": _share(case.look.is_none for case in none),
        "none": {
            name: {"n": len(some), "recall": _share(case.look.is_none for case in some)}
            for name, some in (
                ("empty_hands", cases.of("empty hand")),
                ("emptied_hands", cases.of("emptied hand")),
                ("strangers", cases.of("another shop's")),
            )
        },
        "called_none_60px": _share(case.look.is_none for case in sixty),
        "top1_by_px": {str(px): _share(case.is_right for case in cases.of("product", px)) for px in CURVE_PX},
        "ece": {
            "error": answer.error,
            "none_error": said_none.error,
            "bins": BINS,
            "n": answer.count,
            "none_share": NONE_SHARE,
        },
    }


def lines(figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a person reads of the figures: name and value."""
    pairs, none = figures["look_alikes_100px"], figures["none"]
    told_apart, marked = (
        f"{pairs[share]:.3f} (n {pairs[count]})" if pairs[count] else "no pairs"
        for share, count in (("accuracy", "n"), ("accuracy_marked", "n_marked"))
    )
    return [
        ("products, hands", f"{figures['products']}, {figures['hands']}"),
        ("top-1, top-5 at 60 px a pack", f"{figures['top1_60px']:.3f}, {figures['top5_60px']:.3f}"),
        ("  from cameras before its front", f"{figures['top1_60px_front']:.3f}"),
        ("  from any camera that sees it", f"{figures['any_view_top1_60px']:.3f}"),
        ("told from its look-alike at 100 px", told_apart),
        (f"  where {MARKED_MIN:.0%} of the pack's box shows which", marked),
        (
            "none of these: found",
            f"{figures['none_recall_60px']:.3f} (n {none['empty_hands']['n'] + none['strangers']['n']})",
        ),
        *(
            (f"  {name}", f"{row['recall']:.3f} (n {row['n']})")
            for name, row in (
                ("an empty hand", none["empty_hands"]),
                ("the hands above without their packs", none["emptied_hands"]),
                ("another shop's product", none["strangers"]),
            )
        ),
        ("none of these: said of a known product", f"{figures['called_none_60px']:.3f}"),
        (
            "calibration error: answers, none",
            f"{figures['ece']['error']:.3f}, {figures['ece']['none_error']:.3f} (n {figures['ece']['n']})",
        ),
        ("top-1 by px", ", ".join(f"{px} {share:.2f}" for px, share in figures["top1_by_px"].items())),
    ]


def heads(cases: Cases) -> list[Head]:
    """The likeliest answer, none included, over all sizes; and "none of these". Crops of none weigh as beforehand."""
    shown, none = cases.of("product", None), cases.none()
    every = shown + none
    is_none = np.array([case.product_id is None for case in every], bool)
    weights = np.where(
        is_none, NONE_SHARE / max(is_none.sum(), 1), (1 - NONE_SHARE) / max((~is_none).sum(), 1)
    )
    best = [case.look.top[0][1] for case in every]
    said_none = [case.look.none for case in every]
    is_right = [
        chance >= nothing and case.is_right if case.product_id is not None else nothing > chance
        for case, chance, nothing in zip(every, best, said_none, strict=True)
    ]
    return [
        reliability("product answer", np.maximum(best, said_none), is_right, weights),
        reliability("none of these", said_none, is_none, weights),
    ]


def families(cases: Cases) -> list[Family]:
    """By pixels, light, what hides the pack, where the camera is, look-alikes; and what is none of these."""
    sixty, hundred = cases.of("product"), cases.of("product", PAIR_PX)
    by_alike = [(True, "has a look-alike"), (False, "has none")]
    alike = [_row(label, [case for case in sixty if case.has_look_alike is has]) for has, label in by_alike]
    pairs = [case for case in hundred if _is_pair(case)]
    none = [
        FamilyRow(
            label=kind, count=len(some), figures={"said none": _share(one.look.is_none for one in some)}
        )
        for kind, some in (
            ("product of the shop", sixty),
            ("empty hand", cases.of("empty hand")),
            ("the same hand without its pack", cases.of("emptied hand")),
            ("another shop's product", cases.of("another shop's")),
        )
    ]
    rows: dict[str, list[FamilyRow]] = {
        "size (px of the pack's longer side)": [
            _row(f"{px} px", cases.of("product", px)) for px in CURVE_PX
        ],
        "light, 60 px (exposure)": [_row(light, cases.of("product", TOP_PX, light)) for light in LIGHTS],
        "occlusion, 60 px (share of the pack in view)": _rows(
            sixty, [case.seen_share for case in sixty], (0.5, 0.7), ("below 0.5", "0.5 to 0.7", "0.7 and up")
        ),
        "camera angle, 60 px (degrees below level)": _rows(
            sixty, [case.steepness_deg for case in sixty], (30, 45, 60),
            ("below 30", "30 to 45", "45 to 60", "60 and up"),
        ),
        "side, 60 px": _rows(sixty, [case.front_cos for case in sixty], *_SIDES),
        "look-alikes, 60 px": alike,
        "look-alikes, the two alone, 100 px": _told_rows(pairs, [case.front_cos for case in pairs], *_SIDES),
        "the same, by how much of the picture tells which (share of the pack's box)": _told_rows(
            pairs, [case.marked or 0.0 for case in pairs], *_MARKS
        ),
        "what is in the hand, 60 px": none,
    }  # fmt: skip
    return [Family(name=name, cases="crops", rows=tuple(some)) for name, some in rows.items()]


_SIDES: Final = ((-FRONT_COS, FRONT_COS), ("back", "side", "front"))
_MARKS: Final = ((0.002, MARKED_MIN), ("below 0.002", "0.002 to 0.03", "0.03 and up"))


def _rows(
    cases: Sequence[PackCase], values: Sequence[float], edges: Sequence[float], labels: Sequence[str]
) -> list[FamilyRow]:
    return [_row(label, _chosen(cases, chosen)) for label, chosen in cut(values, edges, labels)]


def _told_rows(
    pairs: Sequence[PackCase], values: Sequence[float], edges: Sequence[float], labels: Sequence[str]
) -> list[FamilyRow]:
    """Look-alikes told apart, of these two alone, by what `values` are."""
    rows: list[FamilyRow] = []
    for label, chosen in cut(values, edges, labels):
        some = _chosen(pairs, chosen)
        figures = {
            "told apart": _share(case.told_apart for case in some),
            "without cells": _share(case.told_apart_whole for case in some),
        }
        rows.append(FamilyRow(label=label, count=len(some), figures=figures))
    return rows


def _row(label: str, cases: Sequence[PackCase]) -> FamilyRow:
    figures = {
        "top-1": _share(case.is_right for case in cases),
        "top-5": _share(_is_in_five(case) for case in cases),
        "said none": _share(case.look.is_none for case in cases),
    }
    return FamilyRow(label=label, count=len(cases), figures=figures)


def _chosen(cases: Sequence[PackCase], chosen: NDArray[np.bool_]) -> list[PackCase]:
    return [case for case, is_in in zip(cases, chosen, strict=True) if is_in]


def _is_in_five(case: PackCase) -> bool:
    return case.product_id in [name for name, _ in case.look.top]


def _is_pair(case: PackCase) -> bool:
    return case.told_apart is not None


def _is_marked(case: PackCase) -> bool:
    return case.marked is not None and case.marked >= MARKED_MIN


def _emptied(picture: HandPicture) -> HandPicture:
    """The same hand without its pack."""
    return replace(picture, product_id=None, pixels=picture.without)


def _share(flags: Iterable[bool | None]) -> float:
    """Mean; NaN of nothing."""
    every = [bool(flag) for flag in flags]
    return float(np.mean(every)) if every else math.nan


def _cases(recogniser: ProductRecogniser, store: Store, seen: Seen, batch: _Batch, px: int) -> list[PackCase]:
    """What the recogniser says of crops, each against all products; at PAIR_PX also against its look-alike alone."""
    alike = look_alikes(store, recogniser.product_ids)
    row_of = {product_id: row for row, product_id in enumerate(recogniser.product_ids)}
    looks = recogniser.judge(seen, np.arange(len(recogniser.product_ids)))
    found: list[PackCase] = []
    for index, (picture, look) in enumerate(zip(batch.pictures, looks, strict=True)):
        rival = alike.get(picture.product_id) if picture.product_id is not None else None
        case = PackCase(
            kind=batch.kind,
            px=px,
            light=batch.light,
            product_id=picture.product_id,
            look=look,
            seen_share=picture.seen_share,
            front_cos=picture.front_cos,
            steepness_deg=picture.steepness_deg,
            has_look_alike=rival is not None,
            marked=picture.marked,
        )
        if px == PAIR_PX and rival is not None and picture.product_id is not None:
            rows = np.array([row_of[picture.product_id], row_of[rival]])
            one = Seen(*(array[index : index + 1] for array in (seen.vectors, seen.cells, seen.sides_px)))
            of_two = recogniser.judge(one, rows, top=1)[0]
            whole = recogniser.likeness(one.vectors, rows)[0]
            case = replace(
                case,
                told_apart=of_two.top[0][0] == picture.product_id,
                told_apart_whole=bool(whole[0] > whole[1]),
            )
        found.append(case)
    return found


def _example(store: Store, makers: HandPictures, case: PackCase, crop: Pixels) -> Example:
    """The crop, the product that it shows, the product that was said."""
    assert case.product_id is not None
    said, chance = case.look.top[0]
    fronts = [gallery_pictures(store, makers.goods, each)[0] for each in (case.product_id, said)]
    caption = (
        f"is {store.products[case.product_id].name}",
        f"said {store.products[said].name} {chance:.2f}, none {case.look.none:.2f}",
    )
    return Example((crop, *fronts), caption)
