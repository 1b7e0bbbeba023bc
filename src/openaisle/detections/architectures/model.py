"""A model file that somebody brought: what it takes and gives, against what its architecture should.

Exports of one architecture name their inputs and outputs as they please, so these go by order. A shape of a layout is
made of sizes, names and None: a name stands for one size wherever it is used, None for any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from openaisle.core.errors import ModelError
from openaisle.detections.runtime import METADATA_KEY, RuntimeSettings, metadata_of, open_session

Size = int | str | None
PICKLES: Final = (".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin")


@dataclass(frozen=True)
class Port:
    """An input or output as a file has it. None: any size."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str  # as ONNX Runtime says: tensor(float), ...


@dataclass(frozen=True)
class Layout:
    """What an architecture takes and gives, by order."""

    inputs: Sequence[Sequence[Size]]
    outputs: Sequence[Sequence[Size]]


class BroughtModel:
    """One file, opened. `run` is thread-safe, as ONNX Runtime's sessions are."""

    def __init__(self, path: Path, settings: RuntimeSettings) -> None:
        """Raises ModelError for what is no ONNX file; a pickle is never opened."""
        if path.suffix in PICKLES:
            raise ModelError(
                "an unsafe pickle: opening it runs whatever it holds, so it is not opened",
                file=str(path),
                expected="an ONNX file, exported where the network was trained (torch.onnx.export)",
            )
        self.path = path
        self._session = open_session(path, settings, "an ONNX file")
        self.metadata: dict[str, Any] = metadata_of(self._session, path)
        self.inputs = [_port(each) for each in self._session.get_inputs()]
        self.outputs = [_port(each) for each in self._session.get_outputs()]
        self.expected: Layout | None = None  # the likeliest of those that `check` was given

    @property
    def architecture(self) -> str:
        """As the file itself says. ModelError if it does not."""
        kind = self.metadata.get("kind")
        if not isinstance(kind, str):
            raise ModelError(
                f"the file does not say what it is: no '{METADATA_KEY}' metadata",
                file=str(self.path),
                expected="a file that `openaisle models add` made, or --architecture NAME",
            )
        return kind

    @property
    def options(self) -> Mapping[str, Any]:
        """What decoding needs to know beyond the architecture: whatever `models add --option` was given."""
        return self.metadata.get("options", {})

    def check(self, *layouts: Layout) -> Layout:
        """The layout that the file has. ModelError saying what is wrong with the likeliest one."""
        assert layouts
        problems = [self.problems(layout) for layout in layouts]
        best = min(range(len(layouts)), key=lambda index: len(problems[index]))
        self.expected = layouts[best]
        if problems[best]:
            port, expected, found = problems[best][0]
            raise ModelError(
                f"wrong shape of {port}", file=str(self.path), expected=str(expected), found=found
            )
        return layouts[best]

    def problems(self, layout: Layout) -> list[tuple[str, str, str]]:
        """(port, expected shape, found shape) of each that does not fit."""
        return [line[:3] for line in self.lines(layout) if not line[3]]

    def lines(self, layout: Layout) -> list[tuple[str, str, str, bool]]:
        """(port, expected shape, found shape, whether it fits), inputs first."""
        known: dict[str, int] = {}
        lines: list[tuple[str, str, str, bool]] = []
        for what, ports, shapes in (
            ("input", self.inputs, layout.inputs),
            ("output", self.outputs, layout.outputs),
        ):
            for number in range(max(len(ports), len(shapes))):
                label = f"{what} {number}"
                if number >= len(ports):
                    lines.append((label, shown(shapes[number]), "none", False))
                elif number >= len(shapes):
                    lines.append(
                        (f"{label} '{ports[number].name}'", "none", shown(ports[number].shape), False)
                    )
                else:
                    port, shape = ports[number], shapes[number]
                    fits = shape_fits(port.shape, shape, known)
                    lines.append((f"{label} '{port.name}'", shown(shape), shown(port.shape), fits))
        return lines

    def run(self, *inputs: NDArray[Any]) -> list[NDArray[Any]]:
        """All outputs, in the file's order."""
        given = {port.name: value for port, value in zip(self.inputs, inputs, strict=True)}
        try:
            return self._session.run(None, given)  # pyright: ignore[reportReturnType]
        except Exception as error:  # ONNX Runtime's own exceptions have no base of their own
            raise ModelError(
                "the network does not run on what its architecture takes",
                file=str(self.path),
                expected=", ".join(shown(port.shape) for port in self.inputs),
                found=f"{', '.join(shown(value.shape) for value in inputs)}: {str(error).splitlines()[0]}",
            ) from error

    def answers(self, layout: Layout, *inputs: NDArray[Any]) -> list[NDArray[Any]]:
        """The same, checked against a layout: sizes that the file leaves open are known only now."""
        found = self.run(*inputs)
        known: dict[str, int] = {}
        for given, shape in zip(inputs, layout.inputs, strict=True):
            shape_fits(given.shape, shape, known)
        for number, (value, shape) in enumerate(zip(found, layout.outputs, strict=True)):
            if not shape_fits(value.shape, shape, known):
                raise ModelError(
                    f"wrong shape of output {number} '{self.outputs[number].name}'",
                    file=str(self.path),
                    expected=shown(
                        [known.get(size, size) if isinstance(size, str) else size for size in shape]
                    ),
                    found=shown(value.shape),
                )
        return found


def shown(shape: Sequence[Size]) -> str:
    return "[" + ", ".join("any" if size is None else str(size) for size in shape) + "]"


def shape_fits(found: Sequence[int | None], expected: Sequence[Size], known: dict[str, int]) -> bool:
    """Whether sizes fit; a name that was met before keeps its size. What the file leaves open fits anything."""
    if len(found) != len(expected):
        return False
    for have, want in zip(found, expected, strict=True):
        if have is None or want is None:
            continue
        if isinstance(want, str):
            want = known.setdefault(want, have)
        if have != want:
            return False
    return True


def dtype_of(port: Port) -> type[np.generic]:
    """What an input is made of."""
    return {"tensor(int32)": np.int32, "tensor(uint8)": np.uint8, "tensor(float16)": np.float16}.get(
        port.dtype, np.float32
    )


def _port(port: Any) -> Port:
    return Port(port.name, tuple(size if isinstance(size, int) else None for size in port.shape), port.type)
