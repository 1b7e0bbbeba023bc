"""`openaisle plan`: from an empty floor to a plan that a board can sign."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from openaisle.cli._plan_print import print_bill, print_expected, print_placed, print_scales

WHOLE = "whole"
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
Plan = Annotated[Path, typer.Argument(help="A plan folder, as `openaisle plan new` makes.")]
Seconds = Annotated[
    float, typer.Option(min=1, max=3600, help="For the integer programme; the gap says what is left.")
]
Costs = Annotated[Path | None, typer.Option(help="Another cost table, as planning/costs.toml.")]
Visits = Annotated[int, typer.Option(min=1, help="Simulated visits.")]
Seed = Annotated[int, typer.Option(min=0, help="Of simulated visits and of draws of cost.")]
Jobs = Annotated[int, typer.Option(min=1, help="Days simulated at once, each in a process.")]


class _ScopeOrVerb(TyperGroup):
    """`plan SCOPE.toml` is `plan whole SCOPE.toml`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = [WHOLE, *args]
        return super().resolve_command(ctx, args)


def register(app: typer.Typer) -> None:
    """Add the verb and its commands."""
    verb = typer.Typer(
        cls=_ScopeOrVerb,
        help="Plan a store before it is built: `plan SCOPE.toml --out PLAN` for the whole, or step by step.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    app.add_typer(verb, name="plan")
    verb.command(WHOLE)(whole)
    verb.command("profiles")(profiles)
    verb.command("new")(new)
    verb.command("place")(place)
    verb.command("expect")(expect)
    verb.command("cost")(cost)
    verb.command("curve")(curve)
    verb.command("report")(report)
    verb.command("scales")(scales)
    verb.command("picks")(picks)


def whole(
    scope: Annotated[Path, typer.Argument(help="A scope file.")],
    out: Annotated[Path, typer.Option("--out", help="New plan folder.")],
    seconds: Seconds = 45.0,
    visits: Visits = 20,
    seed: Seed = 91,
    jobs: Jobs = 2,
    costs: Costs = None,
    as_json: AsJson = False,
) -> None:
    """Everything: floor, cameras, scales, expected accuracy, equipment, cost, report."""
    import json
    import time

    from openaisle.planning import steps
    from openaisle.planning.folder import plain
    from openaisle.planning.report import write_report

    began_s = time.monotonic()
    folder, _ = steps.start(_read(scope), scope.parent, out)
    keeps = bool(folder.scope().shop.floor_plan)
    with _progress() as say:
        placed = steps.place_cameras(folder, seconds=seconds, costs=costs, keeps_planogram=keeps, say=say)
    expected = _simulated(folder, visits, seed, "skeleton", jobs)
    equipment, bill = steps.count_cost(folder, costs=costs, speed=None, seed=seed)
    with _progress() as say:
        say("report")
        files = write_report(folder, costs)
    wall_s = round(time.monotonic() - began_s, 1)
    if as_json:
        whole_ = {
            "placement": plain(placed.placement),
            "proof": plain(placed.proof),
            "expected": plain(expected),
            "equipment": plain(equipment),
            "paths": [plain(path) for path in bill.paths],
            "files": [str(path) for path in files],
            "wall_s": wall_s,
        }
        print(json.dumps(whole_, indent=1))
        return
    print_placed(placed)
    print_expected(expected)
    print_bill(equipment, bill)
    print(f"{', '.join(str(path) for path in files)} in {wall_s:.0f} s")
    _exit_unless_proven(placed.proof)


def profiles() -> None:
    """The trades that a scope can start from."""
    from openaisle.planning.scope import load_profile, profile_names

    for name in profile_names():
        tables = load_profile(name)
        shop, rules = tables["shop"], tables["rules"]
        print(
            f"{name:12} {shop['area_m2']:5.0f} m2 {shop['sku_count']:4} products "
            f"{shop['section_count']:4} sections  {rules['differs']}"
        )


def new(
    out: Annotated[Path, typer.Option("--out", help="New plan folder.")],
    scope: Annotated[Path | None, typer.Option(help="A scope file; without one you are asked.")] = None,
    profile: Annotated[
        str | None, typer.Option(help="Start from this trade and ask nothing; see `plan profiles`.")
    ] = None,
    draw: Annotated[Path | None, typer.Option(help="Draw the floor into this .svg or .png file.")] = None,
) -> None:
    """Make a plan folder: the scope, and the floor with shelving and goods that it describes."""
    from openaisle.planning import steps
    from openaisle.planning.scope import load_profile, scope_text
    from openaisle.store.draw import save_plan

    if scope is not None:
        text, folder = _read(scope), scope.parent
    elif profile is not None:
        load_profile(profile)
        text, folder = scope_text(profile, {}), out
    else:
        text, folder = _asked(), out
    _, store = steps.start(text, folder, out)
    if draw is not None:
        save_plan(store, draw)
    print(
        f"{out}: {len(store.gondolas)} gondolas, {len(store.shelves)} shelf sections, "
        f"{len(store.products)} products; next: openaisle plan place {out}"
    )


def place(
    plan: Plan,
    seconds: Seconds = 45.0,
    costs: Costs = None,
    keep_planogram: Annotated[
        bool | None,
        typer.Option(
            "--keep-planogram/--rearrange",
            help="Only propose a better planogram, or use it; without either as the scope has a floor plan or not.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Hang cameras by integer programming, check the views by drawing, and look at the scales. Exits with 1 if a
    facing or a place of the floor has too few views."""
    import json

    from openaisle.planning import steps
    from openaisle.planning.folder import PlanFolder, plain

    folder = PlanFolder(plan)
    keeps = bool(folder.scope().shop.floor_plan) if keep_planogram is None else keep_planogram
    with _progress() as say:
        placed = steps.place_cameras(folder, seconds=seconds, costs=costs, keeps_planogram=keeps, say=say)
    if as_json:
        names = ("placement", "proof", "scales", "advice")
        print(json.dumps({name: plain(getattr(placed, name)) for name in names}, indent=1))
    else:
        print_placed(placed)
    _exit_unless_proven(placed.proof)


def expect(
    plan: Plan,
    visits: Visits = 100,
    seed: Seed = 91,
    vision: Annotated[str, typer.Option(help="skeleton | pixels")] = "skeleton",
    jobs: Jobs = 2,
    as_json: AsJson = False,
) -> None:
    """Simulate the planned store at its peak and score the receipts (simulator figures)."""
    import json

    from openaisle.core.errors import InputError
    from openaisle.planning.folder import PlanFolder, plain

    if vision not in ("skeleton", "pixels"):
        raise InputError("no such vision", field="--vision", expected="skeleton or pixels", found=vision)
    expected = _simulated(PlanFolder(plan), visits, seed, vision, jobs)
    if as_json:
        print(json.dumps(plain(expected), indent=1))
        return
    print_expected(expected)


def cost(
    plan: Plan,
    costs: Costs = None,
    speed: Annotated[
        Path | None,
        typer.Option(help="A result of `openaisle bench speed --json`: milliseconds of your machine."),
    ] = None,
    seed: Seed = 91,
    as_json: AsJson = False,
) -> None:
    """Count network, compute, power and money of a placed plan."""
    import json

    from openaisle.planning import steps
    from openaisle.planning.bill import article_check
    from openaisle.planning.costs import COSTS, load_costs
    from openaisle.planning.folder import PlanFolder, plain

    equipment, bill = steps.count_cost(PlanFolder(plan), costs=costs, speed=speed, seed=seed)
    if as_json:
        check = [plain(example) for example in article_check(load_costs(costs or COSTS), seed)]
        print(json.dumps({"equipment": plain(equipment), "bill": plain(bill), "article": check}, indent=1))
        return
    print_bill(equipment, bill)


def curve(
    plan: Plan,
    views: Annotated[str, typer.Option(help="Views asked of everything, a placement each.")] = "1,2,3",
    grids: Annotated[
        str,
        typer.Option(
            help="Cameras of plain grids, beside those of the placements and the article's density."
        ),
    ] = "",
    visits: Visits = 60,
    seed: Seed = 92,
    seconds: Seconds = 30.0,
    jobs: Jobs = 2,
    costs: Costs = None,
    as_json: AsJson = False,
) -> None:
    """Exact simulated receipts over the number of cameras, placed and in plain grids: the same visits for all."""
    import json

    from openaisle.planning import steps
    from openaisle.planning.folder import PlanFolder, plain

    with _progress() as say:
        drawn = steps.draw_curve_points(
            PlanFolder(plan),
            views=_numbers("--views", views),
            grids=_numbers("--grids", grids),
            visits=visits,
            seed=seed,
            seconds=seconds,
            jobs=jobs,
            costs=costs,
            say=say,
        )
    if as_json:
        print(json.dumps(plain(drawn), indent=1))
        return
    for point in drawn.points:
        print(
            f"{point.way:20} {point.cameras:4} cameras  {point.exact:4} of {point.visits} exact "
            f"({point.exact_rate:.1%})  F1 {point.line_f1:.3f}  {point.overcharged} overcharged"
        )


def report(plan: Plan, costs: Costs = None) -> None:
    """Write report.html and report.pdf from what the folder holds."""
    from openaisle.planning.folder import PlanFolder
    from openaisle.planning.report import write_report

    for path in write_report(PlanFolder(plan), costs):
        print(path)


def scales(
    store: Annotated[
        str, typer.Argument(help="A store folder, or the name of one that ships with OpenAisle.")
    ],
    as_json: AsJson = False,
) -> None:
    """Goods of a store that weight cannot tell apart, and exchanges of slots that part them."""
    import json

    from openaisle.planning.folder import plain
    from openaisle.planning.scales import plan_scales
    from openaisle.store.load import load_store

    _, found = plan_scales(load_store(store))
    if as_json:
        print(json.dumps(plain(found), indent=1))
        return
    for first, second in found.swaps:
        print(f"exchange {first} and {second}")
    for first, second, apart_g in found.section_pairs:
        print(f"left     {first} and {second}, {apart_g:.1f} g apart")
    print_scales(found)


def picks(
    recording: Annotated[Path, typer.Argument(help="A recorded or simulated day.")],
    orders: Annotated[
        Path | None,
        typer.Option(
            help="CSV: visit_id, product_id, quantity. Without it orders are made of the day's truth."
        ),
    ] = None,
    plant: Annotated[
        float, typer.Option(min=0, max=1, help="Share of made orders that are changed, to be found out.")
    ] = 0.25,
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """Check what pickers carried out against their orders. Exits with 1 if an order is not fulfilled."""
    import json

    from openaisle.adapters.event_log_memory import MemoryEventLog
    from openaisle.core.messages import Receipt
    from openaisle.planning.folder import plain
    from openaisle.planning.picks import check_receipts, plant_mistakes, read_orders, score_checks
    from openaisle.replay.recording import Recording
    from openaisle.replay.run import run
    from openaisle.replay.truth import DayTruth

    opened = Recording.open(recording)
    receipts = run(opened, MemoryEventLog(), keep=(Receipt,)).receipts
    score = None
    if orders is not None:
        checks = check_receipts(receipts, read_orders(orders, opened.store.products))
    else:
        visits = DayTruth.read(recording / "truth").visits
        made, planted = plant_mistakes(visits, sorted(opened.store.products), plant, seed)
        checks = check_receipts(receipts, made)
        score = score_checks(checks, made, visits, planted)
    if as_json:
        print(json.dumps([plain(check) for check in checks] if score is None else plain(score), indent=1))
    else:
        for check in checks:
            missing = ", ".join(f"{count} {product} missing" for product, count in check.missing.items())
            surplus = ", ".join(f"{count} {product} too many" for product, count in check.surplus.items())
            print(f"{check.visit_id}  {'; '.join(filter(None, (missing, surplus))) or 'complete'}")
        if score is not None:
            print(
                f"{score.planted} of {score.orders} orders changed on purpose: {score.found} found, {score.named} "
                f"named exactly; {score.false_alarms} right picks doubted"
            )
    if any(not check.is_complete for check in checks):
        raise typer.Exit(1)


def _exit_unless_proven(proof: Any) -> None:
    """With 1, done but not well, if the pictures do not show every facing and every place of the floor enough."""
    if proof.facings_seen < proof.facings or proof.floor_seen < proof.floor_points:
        raise typer.Exit(1)


def _simulated(folder: Any, visits: int, seed: int, vision: Any, jobs: int) -> Any:
    from rich.console import Console
    from rich.progress import Progress

    from openaisle.planning import steps

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"{visits} visits", total=visits)
        return steps.expect_receipts(
            folder,
            visits=visits,
            seed=seed,
            vision=vision,
            jobs=jobs,
            done=lambda day: bar.advance(task, day.job.visit_count),
        )


class _progress:
    """A line that says what is going on, on standard error."""

    def __enter__(self) -> Any:
        from rich.console import Console
        from rich.status import Status

        self._status = Status("", console=Console(stderr=True))
        self._status.start()
        return self._status.update

    def __exit__(self, *_: object) -> None:
        self._status.stop()


def _numbers(option: str, text: str) -> list[int]:
    from openaisle.core.errors import InputError

    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise InputError("no list of numbers", field=option, expected="as 1,2,3", found=text)
    return [int(part) for part in parts]


def _read(scope: Path) -> str:
    from openaisle.core.errors import InputError

    try:
        return scope.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("cannot be read", file=str(scope), expected="a scope file", found=error) from error


def _asked() -> str:
    """A scope from answers; an empty answer is the profile's."""
    from openaisle.planning.scope import DEFAULT_PROFILE, load_profile, profile_names, scope_text

    profile = typer.prompt(f"Trade ({', '.join(profile_names())})", default=DEFAULT_PROFILE)
    tables = load_profile(profile)
    changed: dict[str, dict[str, Any]] = {}
    for table, key, words in QUESTIONS:
        default = tables[table][key]
        answer = typer.prompt(words, default=default, type=type(default))
        if answer != default:
            changed.setdefault(table, {})[key] = answer
    return scope_text(profile, changed)


QUESTIONS = (
    ("shop", "name", "Name of the shop"),
    ("shop", "area_m2", "Floor area, m2"),
    ("shop", "ceiling_height_m", "Height of the ceiling, m"),
    ("shop", "sku_count", "Products (SKUs)"),
    ("shop", "section_count", "Shelf sections"),
    ("shop", "jurisdiction", "Jurisdiction"),
    ("traffic", "peak_shoppers_per_hour", "Shoppers in the busiest hour"),
    ("rules", "latency_ms", "Accepted latency from shelf to cart, ms"),
    ("systems", "pos", "Existing point of sale: none, file, rest or odbc"),
    ("systems", "erp", "Existing ERP: none, file, rest or odbc"),
    ("systems", "stock", "Existing stock system: none, file, rest or odbc"),
)
