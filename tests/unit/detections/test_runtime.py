"""A model file is what it says it is, or the error says what was expected."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from openaisle.core.errors import ModelError
from openaisle.detections import runtime
from openaisle.detections.people_networks import (
    BOXES_FILE,
    BOXES_KIND,
    KEYPOINTS_FILE,
    KEYPOINTS_KIND,
    PeopleNetworks,
)
from openaisle.detections.runtime import SHIPPED, OnnxModel, RuntimeSettings, load_model, resolved_providers

BOX_INPUT = {"pixels": (None, 192, 320, 4)}


def test_a_missing_model_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"people-boxes\.onnx.*no such model file.*kind 'people-boxes'"):
        PeopleNetworks(RuntimeSettings(weights=tmp_path))


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / BOXES_FILE
    path.write_bytes(b"not a model")
    with pytest.raises(ModelError, match="cannot load model"):
        OnnxModel(path, kind=BOXES_KIND, inputs=BOX_INPUT, outputs=("heat",), settings=RuntimeSettings())


def test_a_truncated_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / BOXES_FILE
    path.write_bytes((SHIPPED / BOXES_FILE).read_bytes()[:-5000])
    with pytest.raises(ModelError, match="cannot load model"):
        OnnxModel(path, kind=BOXES_KIND, inputs=BOX_INPUT, outputs=("heat",), settings=RuntimeSettings())


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    shutil.copy(SHIPPED / KEYPOINTS_FILE, tmp_path / BOXES_FILE)
    with pytest.raises(ModelError, match="expected a model of kind 'people-boxes', found 'people-keypoints'"):
        PeopleNetworks(RuntimeSettings(weights=tmp_path))


def test_a_model_of_another_shape_is_refused() -> None:
    with pytest.raises(ModelError, match=r"expected input 'pixels' of shape \[None, 99, 128, 4\]"):
        OnnxModel(
            SHIPPED / KEYPOINTS_FILE,
            kind=KEYPOINTS_KIND,
            inputs={"pixels": (None, 99, 128, 4)},
            outputs=("maps",),
            settings=RuntimeSettings(),
        )
    with pytest.raises(ModelError, match=r"expected outputs \['tail'\]"):
        OnnxModel(
            SHIPPED / BOXES_FILE,
            kind=BOXES_KIND,
            inputs=BOX_INPUT,
            outputs=("tail",),
            settings=RuntimeSettings(),
        )


def test_a_provider_this_machine_lacks_is_refused() -> None:
    with pytest.raises(ModelError, match="execution provider not in this ONNX Runtime"):
        PeopleNetworks(RuntimeSettings(providers=("NoSuchExecutionProvider",)))


def test_a_missing_provider_says_what_is_here_and_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    words = r"pip install onnxruntime-openvino.*expected some of: cpu, found 'openvino'"
    with pytest.raises(ModelError, match=words):
        PeopleNetworks(RuntimeSettings(providers=("openvino",)))


def test_short_names_stand_for_providers_and_the_cpu_comes_last(monkeypatch: pytest.MonkeyPatch) -> None:
    here = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: here)
    found = resolved_providers(RuntimeSettings(providers=("tensorrt", "CUDAExecutionProvider")))
    assert [name for name, _ in found] == here


def test_openvino_is_told_threads_and_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    here = ["OpenVINOExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: here)
    (_, options), _ = resolved_providers(RuntimeSettings(providers=("openvino",), precision="f32", threads=2))
    told = json.loads(options["load_config"])["CPU"]
    assert (told["INFERENCE_PRECISION_HINT"], told["INFERENCE_NUM_THREADS"]) == ("f32", "2")
    (_, options), _ = resolved_providers(RuntimeSettings(providers=("openvino",)))
    assert "INFERENCE_PRECISION_HINT" not in json.loads(options["load_config"])["CPU"]


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(
        ModelError, match=r"no such precision; expected auto, f32, bf16, f16, int8, found 'int4'"
    ):
        PeopleNetworks(RuntimeSettings(precision="int4"))


def test_a_provider_that_does_not_start_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    here = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has CUDA")
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: here)
    with pytest.raises(ModelError, match="does not start on this machine"):
        PeopleNetworks(RuntimeSettings(providers=("cuda",)))


def test_a_batch_says_the_same_as_its_pictures_one_by_one() -> None:
    model = OnnxModel(
        SHIPPED / KEYPOINTS_FILE,
        kind=KEYPOINTS_KIND,
        inputs={"pixels": (None, 128, 128, 4)},
        outputs=("maps", "person_logit"),
        settings=RuntimeSettings(),
    )
    pixels = np.random.default_rng(1).integers(0, 255, (3, 128, 128, 4), dtype=np.uint8)
    together = model.run(pixels=pixels)
    for row in range(3):
        alone = model.run(pixels=pixels[row : row + 1])
        for a, b in zip(alone, together, strict=True):
            assert np.allclose(a[0], b[row], atol=1e-4)


def test_the_shipped_files_are_small_and_have_a_card() -> None:
    for name in (BOXES_FILE, KEYPOINTS_FILE):
        assert (SHIPPED / name).stat().st_size < 8 * 2**20
    card = (SHIPPED / "MODEL_CARD.md").read_text(encoding="utf-8")
    for word in (BOXES_FILE, KEYPOINTS_FILE, "openaisle learn train people", "simulator figures", "sha256"):
        assert word in card


def copied(folder: Path) -> Path:
    """The shipped networks with their INT8 copies, elsewhere."""
    shutil.copytree(SHIPPED, folder, ignore=shutil.ignore_patterns("*.md", "products*"))
    return folder


def loaded(settings: RuntimeSettings) -> OnnxModel:
    return load_model(BOXES_FILE, kind=BOXES_KIND, inputs=BOX_INPUT, outputs=("heat",), settings=settings)


def test_an_int8_copy_serves_where_bytes_multiply_fast(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    monkeypatch.setattr(runtime, "_CPUINFO", cpuinfo)
    for flags, name in (("fpu avx2 avx_vnni", "int8"), ("fpu avx2", "weights")):
        cpuinfo.write_text(f"processor : 0\nflags\t\t: {flags}\n")
        assert loaded(RuntimeSettings()).path.parent.name == name
    assert loaded(RuntimeSettings(precision="int8")).path.parent.name == "int8"
    assert loaded(RuntimeSettings(precision="f32")).path.parent.name == "weights"


def test_an_int8_copy_of_another_network_never_serves(tmp_path: Path) -> None:
    folder = copied(tmp_path / "weights")
    (folder / BOXES_FILE).write_bytes((SHIPPED / BOXES_FILE).read_bytes() + b"\x7a\x00")
    assert loaded(RuntimeSettings(weights=folder)).path.parent == folder
    with pytest.raises(ModelError, match=r"int8/people-boxes\.onnx: copy of another network.*learn quantise"):
        loaded(RuntimeSettings(weights=folder, precision="int8"))


def test_the_shipped_int8_copies_are_those_of_the_shipped_networks() -> None:
    """After `openaisle learn export people`, `openaisle learn quantise people` makes them again."""
    for name, kind in ((BOXES_FILE, BOXES_KIND), (KEYPOINTS_FILE, KEYPOINTS_KIND)):
        settings = RuntimeSettings(precision="int8")
        model = load_model(name, kind=kind, inputs={}, outputs=(), settings=settings)
        assert model.metadata["precision"] == "int8"
