"""`openaisle floor`: where time was spent on a recorded day, as the shop may be told of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("floor")(floor)


def floor(
    recording: Annotated[Path, typer.Argument(help="Recording folder of a simulated shop.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    draw: Annotated[Path | None, typer.Option(help="Draw the floor into this .svg or .png file.")] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Without noise.")] = False,
) -> None:
    """Dwell by zone, ways and heat of one simulated day, with the noise of a real shop's page (or without)."""
    import secrets

    import msgspec

    from openaisle.analytics.draw import draw_report
    from openaisle.bench.floor_day import floor_of
    from openaisle.core.errors import InputError
    from openaisle.replay.recording import Recording
    from openaisle.store.picture import check_drawing

    if draw is not None:
        check_drawing(draw, "a floor is drawn")
    opened = Recording.open(recording)
    if opened.truth_folder is None:
        # A second telling of a real day gives away what the first one hid: its page has told it.
        raise InputError(
            "is of a real shop, whose days are told once, on its page",
            file=str(recording),
            expected="a recording of `openaisle simulate`",
        )
    day = floor_of(opened)
    report = day.exact() if exact else day.tell(secrets.randbelow)
    if draw is not None:
        draw.write_bytes(draw_report(opened.store, report).encoded(draw))
    if as_json:
        print(msgspec.json.encode(report).decode())
        return
    typer.echo(f"{report.day}: {report.visits} visits, epsilon {report.epsilon:g}")
    for area in report.areas:
        told = f"{area.visits} visits, {area.dwell_s_mean} s" if area.visits is not None else "too few visits"
        typer.echo(f"  {area.name}: {told}")
    for way in report.ways:
        typer.echo(f"  {way.area_ids[0]} - {way.area_ids[1]}: {way.visits} visits")
