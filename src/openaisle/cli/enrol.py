"""`openaisle enrol`: show a store's products to the product network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command("enrol")(enrol)


def enrol(
    store: Annotated[
        str, typer.Argument(help="A store folder, or the name of one that ships with OpenAisle.")
    ],
    pictures: Annotated[
        Path | None,
        typer.Argument(
            help="Folder with one folder a product, named by its id, with 3 to 10 pictures each. Without it packs "
            "are drawn as the simulator draws them."
        ),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Enrol only this product; may be given more than once.")
    ] = None,
    gallery: Annotated[
        Path | None,
        typer.Option(
            help="Gallery file; without it gallery.npz in the store folder (shipped stores: out/galleries)."
        ),
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="Folder with another product network.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say it as JSON.")] = False,
) -> None:
    """Make or change the gallery that products are recognised from. Products not named stay as they are."""
    import json

    from rich.console import Console
    from rich.progress import Progress

    from openaisle.detections.products import ProductNetwork, ProductSettings
    from openaisle.detections.runtime import SHIPPED, RuntimeSettings
    from openaisle.learning.enrol import enrol as enrol_products, gallery_path
    from openaisle.store.load import load_store

    loaded = load_store(store)
    network = ProductNetwork(ProductSettings(runtime=RuntimeSettings(weights=weights or SHIPPED)))
    path = gallery or gallery_path(store)
    with Progress(console=Console(stderr=True, quiet=as_json), transient=True) as progress:
        task = progress.add_task("products", total=None)
        enrolled = enrol_products(
            loaded,
            pictures,
            path,
            network,
            only=only or (),
            report=lambda done, total: progress.update(task, completed=done, total=total),
        )
    count = sum(len(each.vectors) for each in enrolled.values())
    if as_json:
        print(
            json.dumps(
                {
                    "store": loaded.store_id,
                    "gallery": str(path),
                    "network_sha256": network.sha256,
                    "enrolled": {product_id: len(each.vectors) for product_id, each in enrolled.items()},
                    "pictures": count,
                    "drawn": pictures is None,
                }
            )
        )
        return
    how = "drawn" if pictures is None else "read"
    print(f"{len(enrolled)} products, {count} pictures {how}, in {path}")
