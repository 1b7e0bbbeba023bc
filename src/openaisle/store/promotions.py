"""promotions.toml: what a store gives away, read, checked and written. The file may be absent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from openaisle.core.errors import StoreError
from openaisle.core.units import NS_PER_S
from openaisle.store.draft import PROMOTIONS_FILE, Draft
from openaisle.store.money import minor_from_text
from openaisle.store.rows import PromotionRow
from openaisle.store.schema import Promotion
from openaisle.store.tables import TomlFile
from openaisle.store.toml_lines import Path as TomlPath


def read_promotions_file(folder: Path, draft: Draft, problems: list[StoreError]) -> None:
    """Add the promotions of a store folder to the draft, once its shop is known."""
    if not (folder / PROMOTIONS_FILE).exists() or draft.shop is None:
        return
    toml = TomlFile.read(folder, PROMOTIONS_FILE, ("format", "promotion"), problems)
    if toml is None:
        return
    shop = draft.shop.value
    for path in toml.tables("promotion"):
        row = toml.row(PromotionRow, path)
        if row is not None and (
            promotion := _promotion(toml, path, row, shop.currency_digits, shop.timezone)
        ):
            draft.promotions.append(toml.placed(promotion, path))


def promotion_problems(draft: Draft) -> Iterator[StoreError]:
    """Contradictions between promotions and the rest of the store."""
    known = {placed.value.product_id for placed in draft.products}
    seen: set[str] = set()
    for placed in draft.promotions:
        promotion = placed.value
        if promotion.promotion_id in seen:
            yield placed.problem("the promotion is there twice", "id", found=promotion.promotion_id)
        seen.add(promotion.promotion_id)
        for product_id in promotion.product_ids:
            if product_id not in known and not draft.is_left_out("product", product_id):
                yield placed.problem(
                    "unknown product", "products", expected="products of products.csv", found=product_id
                )


def dates_of(promotion: Promotion, timezone: str) -> dict[str, date]:
    """First and last day, as the file has them; those that are set."""
    zone = _zone(timezone)
    days: dict[str, date] = {}
    if promotion.from_ns:
        days["valid_from"] = datetime.fromtimestamp(promotion.from_ns // NS_PER_S, zone).date()
    if promotion.until_ns:
        days["valid_until"] = datetime.fromtimestamp(promotion.until_ns // NS_PER_S - 1, zone).date()
    return days


def _promotion(
    toml: TomlFile, path: TomlPath, row: PromotionRow, digits: int, timezone: str
) -> Promotion | None:
    kinds = [name for name in ("percent", "buy", "spend") if getattr(row, name) is not None]
    if len(kinds) != 1:
        toml.report("no kind, or several", path, expected="one of percent, buy, spend", found=kinds or None)
        return None
    if not _has_its_fields(toml, path, row, kinds[0]):
        return None
    minor: dict[str, int] = {}
    for name in ("price", "spend", "off"):
        text = getattr(row, name)
        try:
            minor[name] = 0 if text is None else minor_from_text(text, digits)
        except ValueError as error:
            toml.report("wrong value", (*path, name), expected=str(error), found=text)
            return None
    return Promotion(
        promotion_id=row.id,
        name=row.name,
        product_ids=tuple(row.products),
        percent=float(row.percent or 0.0),
        buy=row.buy or 0,
        free=row.free or 0,
        price_minor=minor["price"],
        spend_minor=minor["spend"],
        off_minor=minor["off"],
        programme=row.programme,
        from_ns=_midnight_ns(row.valid_from, timezone) if row.valid_from else 0,
        until_ns=_midnight_ns(row.valid_until + timedelta(days=1), timezone) if row.valid_until else 0,
    )


def _has_its_fields(toml: TomlFile, path: TomlPath, row: PromotionRow, kind: str) -> bool:
    """Whether exactly the fields of its kind are there, and make sense together."""
    found = {name for name in ("free", "price", "off") if getattr(row, name) is not None}
    if kind == "percent":
        is_right, expected = not found, "nothing beside percent"
    elif kind == "buy":
        is_right, expected = found in ({"free"}, {"price"}), "free or price beside buy"
    else:
        is_right, expected = found == {"off"} and not row.products, "off beside spend, and no products"
    if not is_right:
        toml.report("other fields than its kind has", path, expected=expected, found=sorted(found))
    elif row.buy and row.free and row.free >= row.buy:
        toml.report(
            "more is free than is bought", (*path, "free"), expected=f"less than {row.buy}", found=row.free
        )
        return False
    elif row.valid_from and row.valid_until and row.valid_from > row.valid_until:
        toml.report("ends before it begins", (*path, "valid_until"), expected=f"{row.valid_from} or later")
        return False
    return is_right


def _midnight_ns(day: date, timezone: str) -> int:
    return round(datetime.combine(day, time(), _zone(timezone)).timestamp()) * NS_PER_S


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC  # An unknown zone is reported where the shop is checked.
