"""`openaisle recognise`: which products pictures show."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command("recognise")(recognise)


def recognise(
    store: Annotated[
        str, typer.Argument(help="A store folder, or the name of one that ships with OpenAisle.")
    ],
    images: Annotated[list[Path], typer.Argument(help="Pictures, one pack in the middle of each.")],
    top: Annotated[int, typer.Option(min=1, help="How many products to name.")] = 5,
    plausible: Annotated[
        list[str] | None,
        typer.Option("--plausible", help="Only this product may be it; may be given more than once."),
    ] = None,
    gallery: Annotated[Path | None, typer.Option(help="Gallery file, as `enrol` made it.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Folder with another product network.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say it as JSON.")] = False,
) -> None:
    """Name the likeliest products of each picture with their probabilities, and that of "none of these"."""
    import json

    from openaisle.core.messages import ProductId
    from openaisle.detections.gallery import load_gallery
    from openaisle.detections.products import ProductNetwork, ProductRecogniser, ProductSettings
    from openaisle.detections.runtime import SHIPPED, RuntimeSettings
    from openaisle.learning.enrol import gallery_path, read_picture
    from openaisle.store.load import load_store

    loaded = load_store(store)
    network = ProductNetwork(ProductSettings(runtime=RuntimeSettings(weights=weights or SHIPPED)))
    recogniser = ProductRecogniser(load_gallery(gallery or gallery_path(store), network.sha256), network)
    may_be = [ProductId(each) for each in plausible] if plausible else None
    looks = recogniser.recognise([read_picture(path) for path in images], may_be, top=top)
    rows = [
        {
            "image": str(path),
            "best": look.best,
            "top": [
                {"product_id": product_id, "name": _name(loaded, product_id), "probability": round(chance, 4)}
                for product_id, chance in look.top
            ],
            "none_of_these": round(look.none, 4),
            "is_sure": look.is_sure,
        }
        for path, look in zip(images, looks, strict=True)
    ]
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        print(row["image"])
        for one in row["top"]:
            print(f"  {one['probability']:6.1%}  {one['product_id']}  {one['name']}")
        print(f"  {row['none_of_these']:6.1%}  none of these")


def _name(store, product_id: str) -> str:
    """An enrolled product may have left products.csv since."""
    product = store.products.get(product_id)
    return product.name if product else "no longer in products.csv"
