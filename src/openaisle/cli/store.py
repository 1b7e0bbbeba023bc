"""`openaisle store`: list, check, draw and make the folders that describe a shop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from openaisle.core.errors import StoreError
    from openaisle.store.remarks import Remark
    from openaisle.store.schema import Store

AsJson = Annotated[bool, typer.Option("--json", help="Say it as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the verb and its commands."""
    verb = typer.Typer(
        help="List, check, draw and make store folders.", no_args_is_help=True, rich_markup_mode=None
    )
    app.add_typer(verb, name="store")

    @verb.callback()
    def root() -> None: ...

    verb.command("list")(list_stores)
    verb.command()(check)
    verb.command()(generate)


def list_stores(as_json: AsJson = False) -> None:
    """The stores that come with OpenAisle."""
    import json

    from openaisle.store.load import load_store, shipped_names

    rows = [_facts(load_store(name)) for name in shipped_names()]
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        print(
            f"{row['store_id']:10} {row['area_m2']:7.1f} m2  {row['gondolas']:3} gondolas  {row['shelves']:4} shelves  "
            f"{row['products']:4} products  {row['plates']:5} plates  {row['cameras']:4} cameras"
        )


def check(
    store: Annotated[
        str, typer.Argument(help="A store folder, or the name of one that ships with OpenAisle.")
    ],
    draw: Annotated[
        Path | None, typer.Option("--draw", help="Draw the plan into this .svg or .png file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List every problem of a store at once, and what is unwise about it. Exits with 2 if it has a problem."""
    from openaisle.store.draw import save_plan
    from openaisle.store.load import examine, store_folder
    from openaisle.store.remarks import remarks_on

    if draw is not None:
        _refuse_other_pictures(draw)
    found, problems = examine(store)
    remarks = [] if found is None else remarks_on(found, store_folder(store))
    if found is not None and draw is not None:
        save_plan(found, draw)
    if as_json:
        _print_as_json(store, found, problems, remarks)
    else:
        _print_report(store, found, problems, remarks, draw)
    if problems:
        raise typer.Exit(2)


def generate(
    out: Annotated[Path, typer.Option("--out", help="Folder to make; must not hold anything.")],
    like: Annotated[str, typer.Option("--like", help="corner, market (as they ship), or random.")] = "random",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of a random store.")] = 0,
    area: Annotated[float, typer.Option("--area", help="Of a random store, in square metres.")] = 30.0,
    products: Annotated[int, typer.Option("--products", help="Of a random store.")] = 120,
    gondolas: Annotated[int, typer.Option("--gondolas", help="Of a random store.")] = 8,
    cameras: Annotated[int, typer.Option("--cameras", help="Of a random store.")] = 8,
) -> None:
    """Make a store folder: one that ships with OpenAisle again, or a random one from a seed."""
    from openaisle.core.errors import InputError
    from openaisle.sim.stores import SHIPPED_STORES, generate_store
    from openaisle.store.write import write_store

    kinds = [*sorted(SHIPPED_STORES), "random"]
    if like not in kinds:
        raise InputError("no such kind of store", field="--like", expected=" or ".join(kinds), found=like)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError("is there already", file=str(out), expected="a new or empty folder")
    if like in SHIPPED_STORES:
        store = SHIPPED_STORES[like]()
    else:
        store = generate_store(
            seed, area_m2=area, sku_count=products, gondola_count=gondolas, camera_count=cameras
        )
    write_store(store, out)
    print(f"{out}: {_summary(store)}")


def _refuse_other_pictures(path: Path) -> None:
    from openaisle.core.errors import InputError

    if path.suffix.lower() not in (".svg", ".png"):
        raise InputError(
            "a plan is drawn as SVG or PNG", field="--draw", expected="a .svg or .png file", found=str(path)
        )


def _print_as_json(name: str, store: Store | None, problems: list[StoreError], remarks: list[Remark]) -> None:
    import json

    report = {
        "store": name,
        "ok": not problems,
        "facts": None if store is None else _facts(store),
        "problems": [
            {
                "file": problem.file,
                "line": problem.line,
                "field": problem.field,
                "expected": problem.expected,
                "found": None if problem.found is None else str(problem.found),
                "message": str(problem),
            }
            for problem in problems
        ],
        "warnings": [remark.as_dict() for remark in remarks],
    }
    print(json.dumps(report, indent=1))


def _print_report(
    name: str, store: Store | None, problems: list[StoreError], remarks: list[Remark], draw: Path | None
) -> None:
    for problem in problems:
        print(f"error    {problem}")
    for remark in remarks:
        print(f"warning  {remark.file}: {remark.message}")
    if store is None:
        print(f"{name}: {len(problems)} problem{'' if len(problems) == 1 else 's'}")
        return
    print(f"{name}: {_summary(store)}: no problem, {len(remarks)} warning{'' if len(remarks) == 1 else 's'}")
    if draw is not None:
        print(f"plan drawn: {draw}")


def _summary(store: Store) -> str:
    facts = _facts(store)
    return (
        f"{facts['area_m2']:.1f} m2, {facts['gondolas']} gondolas, {facts['shelves']} shelves, "
        f"{facts['products']} products, {facts['cameras']} cameras"
    )


def _facts(store: Store) -> dict[str, str | int | float]:
    from openaisle.store.polygons import signed_area

    return {
        "store_id": store.store_id,
        "name": store.name,
        "area_m2": round(signed_area(store.plan_floor_m), 2),
        "gates": len(store.gates),
        "gondolas": len(store.gondolas),
        "shelves": len(store.shelves),
        "plates": sum(len(gondola.plates) for gondola in store.gondolas),
        "slots": len(store.slots),
        "products": len(store.products),
        "cameras": len(store.cameras),
    }
