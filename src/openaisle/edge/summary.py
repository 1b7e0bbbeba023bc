"""A run of a shop in figures: for a program as one JSON object, for a person as a few lines."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from openaisle.core.messages import PaymentChanged, PaymentState, Receipt
from openaisle.edge.board import Board, Cell, State
from openaisle.edge.settings import ShopSettings
from openaisle.edge.supervisor import ShopResult
from openaisle.replay.score import tally
from openaisle.replay.truth import DayTruth
from openaisle.store.money import text_from_minor

HISTOGRAM_EDGES_MS: Final = (50, 100, 150, 200, 250, 300, 400, 500, 750, 1000)
_BAR_WIDTH: Final = 40


def run_report(settings: ShopSettings, result: ShopResult) -> dict[str, Any]:
    """What any run gives: receipts, health, counters of each process."""
    board = result.board
    return {
        "store": settings.store().store_id,
        "receipts": [
            receipt_report(receipt, result.day.payments.get(receipt.receipt_id))
            for receipt in result.day.receipts
        ],
        "reviews": len(result.day.reviews),
        "health": {
            "present": [msgspec.to_builtins(fault) for fault in result.day.health.present],
            "counts": {f"{sensor} {reason}": n for (sensor, reason), n in result.day.health.counts.items()},
            "lost": result.lost,
        },
        "scale_batches": board.total(Cell.BATCHES),
        "frames_seen": board.total(Cell.FRAMES_SEEN),
        "skipped_frames": board.total(Cell.FRAMES_SKIPPED),
        "looks": {
            "asked": board.total(Cell.LOOKS_ASKED),
            "answered": board.total(Cell.LOOKS_ANSWERED),
            "dropped": board.total(Cell.LOOKS_DROPPED),
            "answered_ms": result.day.facts.get("look_ms"),
        },
        "page_messages_dropped": board.total(Cell.PAGES_DROPPED),
        "refused": board.total(Cell.REFUSED),
        "slowest_step_ms": round(board.get("core", Cell.STEP_US_MAX) / 1000, 1),
        "processes": {
            name: {"cpu_s": cpu_s, "restarts": result.restarts[name], "state": _state(board, name)}
            for name, cpu_s in sorted(result.cpu_s.items())
        },
        "wall_s": result.wall_s,
    }


def demo_report(settings: ShopSettings, result: ShopResult) -> dict[str, Any]:
    """The same, scored against the truth of the simulated day."""
    report = run_report(settings, result)
    truth = day_truth(settings)
    day = result.day
    facts = day.facts
    scored = tally(truth, list(day.receipts), list(day.carts), list(day.tracks), list(day.reviews))
    exact = {visit.visit_id for visit in scored.visits if visit.is_exact}
    latencies_ms = sorted(round(ns / 1e6, 1) for ns in scored.latencies_ns)
    for receipt in report["receipts"]:
        receipt["is_exact"] = receipt["visit_id"] in exact
    return {
        "visits": len(truth.visits),
        "exact_receipts": len(exact),
        "overcharged_visits": sum(visit.extra > 0 for visit in (*scored.visits, *scored.phantoms)),
        "wrong": [
            {"visit_id": visit.visit_id, "billed": dict(visit.billed), "taken": dict(visit.taken)}
            for visit in (*scored.visits, *scored.phantoms)
            if not visit.is_exact
        ],
        "cart_latency_ms": {**_percentiles(latencies_ms), "missed": scored.missed},
        "latency_histogram": _histogram(latencies_ms),
        "id_switches": scored.id_switches,
        "shop_rate_min": facts.get("shop_rate_min"),
        "shop_rate_mean": facts.get("shop_rate_mean"),
        "shop_s": facts.get("shop_s"),
        "core_lag_ms": facts.get("core_lag_ms"),
        "frames_shown": result.board.total(Cell.FRAMES_SHOWN),
        "seed": settings.simulation.seed if settings.simulation else None,
        **report,
    }


def day_truth(settings: ShopSettings) -> DayTruth:
    """What the simulator wrote at the day's end; an empty day if it did not come to that."""
    if not settings.truth_folder.is_dir():
        return DayTruth(visits=())
    return DayTruth.read(settings.truth_folder)


def receipt_report(receipt: Receipt, payment: PaymentChanged | None = None) -> dict[str, Any]:
    """A receipt for a program, with how its payment stands."""
    return {
        "receipt_id": receipt.receipt_id,
        "visit_id": receipt.visit_id,
        "issued_ns": receipt.issued_ns,
        "lines": [
            {
                "product_id": line.product_id,
                "gtin": line.gtin,
                "name": line.name,
                "quantity": line.quantity,
                "unit_price_minor": line.unit_price_minor,
                "total_minor": line.total_minor,
            }
            for line in receipt.lines
        ],
        "total_minor": receipt.total_minor,
        "tax_minor": receipt.tax_minor,
        "currency": receipt.currency,
        "reviews": len(receipt.review_ids),
        "payment": str(payment.state) if payment else None,
        "paid_minor": payment.paid_minor - payment.refunded_minor if payment else 0,
    }


def demo_text(settings: ShopSettings, report: dict[str, Any]) -> str:
    """The summary for a person."""
    latency = report["cart_latency_ms"]
    lines = [
        f"{report['visits']} visits, {report['exact_receipts']} exact receipts, "
        f"{report['overcharged_visits']} overcharged, {report['reviews']} in review, "
        f"{sum(receipt['payment'] == PaymentState.PAID for receipt in report['receipts'])} paid",
    ]
    if latency["n"]:
        lines.append(
            f"from hand to cart: p50 {latency['p50']:.0f} ms, p95 {latency['p95']:.0f}, p99 {latency['p99']:.0f}, "
            f"longest {latency['max']:.0f} ms of shop time ({latency['n']} events, {latency['missed']} missed)"
        )
        lines += _bars(report["latency_histogram"])
    if report["shop_rate_min"] is not None:
        lines.append(
            f"the shop ran at {report['shop_rate_mean']:.2f} of real time (slowest {report['shop_rate_min']:.2f}); "
            f"{report['skipped_frames']} of {report['frames_shown']} frames skipped"
        )
    lines += _looks(report)
    lines += _wrong(settings, report)
    lines.append(_processes(report))
    return "\n".join(lines) + "\n"


def run_text(settings: ShopSettings, report: dict[str, Any]) -> str:
    """The end of a run for a person."""
    digits = settings.store().currency_digits
    lines = [
        f"receipt {receipt['receipt_id']}: {sum(line['quantity'] for line in receipt['lines'])} units, "
        f"{text_from_minor(receipt['total_minor'], digits)} {receipt['currency']}"
        for receipt in report["receipts"][-20:]
    ]
    lines.append(f"{len(report['receipts'])} receipts, {report['reviews']} in review")
    lines += _looks(report)
    lines.append(_processes(report))
    return "\n".join(lines) + "\n"


def _looks(report: dict[str, Any]) -> list[str]:
    looks = report["looks"]
    if not looks["asked"]:
        return []
    text = f"{looks['answered']} of {looks['asked']} looks at packs answered, {looks['dropped']} dropped"
    if took_ms := looks["answered_ms"]:
        text += f"; after p50 {took_ms['p50']:.0f} ms, p95 {took_ms['p95']:.0f}"
    return [text]


def _wrong(settings: ShopSettings, report: dict[str, Any]) -> list[str]:
    products = settings.store().products
    lines: list[str] = []
    for visit in report["wrong"][:10]:
        billed, taken = visit["billed"], visit["taken"]
        extra = {name: n - taken.get(name, 0) for name, n in billed.items() if n > taken.get(name, 0)}
        missing = {name: n - billed.get(name, 0) for name, n in taken.items() if n > billed.get(name, 0)}
        parts = [f"billed and not taken: {n} x {products[name].name}" for name, n in sorted(extra.items())]
        parts += [f"taken and not billed: {n} x {products[name].name}" for name, n in sorted(missing.items())]
        lines.append(f"visit {visit['visit_id']}: {'; '.join(parts) or 'no receipt'}")
    return lines


def _processes(report: dict[str, Any]) -> str:
    wall_s = max(report["wall_s"], 0.1)
    shares = ", ".join(
        f"{name} {100 * process['cpu_s'] / wall_s:.0f} %" for name, process in report["processes"].items()
    )
    return f"{report['wall_s']:.0f} s; processor: {shares}"


def _bars(histogram: list[dict[str, Any]]) -> list[str]:
    most = max(bar["n"] for bar in histogram) or 1
    return [
        f"{'<=' if bar['up_to_ms'] else ' >'} {bar['up_to_ms'] or HISTOGRAM_EDGES_MS[-1]:5} ms {bar['n']:5} "
        + "█" * -(-bar["n"] * _BAR_WIDTH // most)
        for bar in histogram
        if bar["n"]
    ]


def _histogram(latencies_ms: list[float]) -> list[dict[str, Any]]:
    bars: list[dict[str, Any]] = []
    below = 0
    for edge in (*HISTOGRAM_EDGES_MS, None):
        count = len(latencies_ms) if edge is None else sum(ms <= edge for ms in latencies_ms)
        bars.append({"up_to_ms": edge, "n": count - below})
        below = count
    return bars


def _percentiles(sorted_ms: list[float]) -> dict[str, Any]:
    """Latencies that really occurred: the smallest that so many per cent do not exceed."""
    count = len(sorted_ms)
    if not count:
        return {"p50": None, "p95": None, "p99": None, "max": None, "n": 0}
    picked = {f"p{p}": sorted_ms[min(count - 1, -(-p * count // 100) - 1)] for p in (50, 95, 99)}
    return {**picked, "max": sorted_ms[-1], "n": count}


def _state(board: Board, name: str) -> str:
    state = board.state(name)
    return "given up" if state == State.GIVEN_UP else "ended"
