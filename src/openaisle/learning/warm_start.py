"""From a shipped ONNX file back to a network that can learn on: another shop's pictures need no training from noise.

Export folds every batch normalisation (Ioffe & Szegedy 2015) into its convolution. Here a normalisation is put beside
each convolution again that does nothing to it on the pictures at hand: its mean and variance are measured, and its
scale and shift are set to undo them. So the network says at first what the file says, and trains as if never folded.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch  # pyright: ignore[reportMissingImports]
from torch import Tensor, nn  # pyright: ignore[reportMissingImports]

from openaisle.core.errors import ModelError


def start_from(
    network: nn.Module, path: Path, inputs: Sequence[Tensor], *, only_convolutions: bool = False
) -> None:
    """Give `network` the weights of a file that `learn export` made of one of its kind.

    A linear layer may have got further inputs since, which begin without a say, and the network further layers at its
    end, which stay as they are. `inputs`: batches as the network takes them, from which the normalisations are
    measured; a few hundred pictures do. `only_convolutions`: linear layers are not the file's.
    Raises ModelError when the file is another network's.
    """
    by_kind = [*zip(_layers_in_order(network, inputs[0][:1]), _stored_layers(path), strict=True)]
    pairs = []
    for layers, stored in by_kind[: 1 if only_convolutions else None]:
        shapes = [list(layer.weight.shape) for layer in layers]
        found = [list(weight.shape) for weight, _ in stored]
        if len(shapes) < len(found) or not all(map(_fits_into, found, shapes)):
            raise ModelError("another network", file=str(path), expected=f"layers {shapes}", found=found)
        pairs += zip(layers, stored, strict=False)
    norms = _norm_after(network)
    with torch.no_grad():
        for layer, (weight, bias) in pairs:
            layer.weight.zero_()
            layer.weight[:, : weight.shape[1]] = weight
            norm = norms.get(id(layer))
            if norm is None or not norm.affine:
                layer.bias.copy_(bias)
            else:
                if layer.bias is not None:
                    layer.bias.zero_()
                norm.weight.fill_((1.0 + norm.eps) ** 0.5)
                norm.bias.copy_(bias)
                norm.running_mean.zero_()
                norm.running_var.fill_(1.0)
        undone = [(layer, norms[id(layer)]) for layer, _ in pairs if id(layer) in norms]
        _measure(network, [(layer, norm) for layer, norm in undone if norm.affine], inputs)


def _fits_into(stored: list[int], wanted: list[int]) -> bool:
    may_grow = len(wanted) == 2 and stored[0] == wanted[0] and stored[1] < wanted[1]
    return stored == wanted or may_grow


def _layers_in_order(network: nn.Module, example: Tensor) -> tuple[list[Any], list[Any]]:
    """Convolutions, and linear layers, in the order in which they compute, which is the order of the file."""
    order: list[Any] = []
    kinds = (nn.Conv2d, nn.Linear)
    hooks = [
        module.register_forward_hook(lambda layer, *_: order.append(layer))
        for module in network.modules()
        if isinstance(module, kinds)
    ]
    network.eval()
    with torch.no_grad():
        network(example)
    for hook in hooks:
        hook.remove()
    # A linear layer may be computed before or after a convolution it does not depend on: files keep them apart too.
    convolutions, linear = ([layer for layer in order if isinstance(layer, kind)] for kind in kinds)
    return convolutions, linear


def _stored_layers(path: Path) -> tuple[list[tuple[Tensor, Tensor]], ...]:
    """Weights and biases of convolutions, and of linear layers, in the file's order."""
    import onnx  # pyright: ignore[reportMissingImports]
    from onnx import numpy_helper  # pyright: ignore[reportMissingImports]

    try:
        graph = onnx.load(str(path)).graph
    except Exception as error:
        raise ModelError("cannot be read", file=str(path), expected="an ONNX file", found=error) from error
    values = {each.name: torch.from_numpy(numpy_helper.to_array(each).copy()) for each in graph.initializer}
    return tuple(
        [
            (values[node.input[1]], values[node.input[2]])
            for node in graph.node
            if node.op_type == kind and len(node.input) == 3 and {*node.input[1:]} <= values.keys()
        ]
        for kind in ("Conv", "Gemm")
    )


def _norm_after(network: nn.Module) -> dict[int, Any]:
    """The normalisation behind each convolution, by the convolution's identity."""
    return {
        id(first): second
        for module in network.modules()
        if isinstance(module, nn.Sequential)
        for first, second in zip(module, [*module][1:], strict=False)
        if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d)
    }


def _measure(network: nn.Module, pairs: Sequence[tuple[Any, Any]], inputs: Sequence[Tensor]) -> None:
    sums = {id(layer): [0.0, 0.0, 0] for layer, _ in pairs}

    def note(layer: Any, _: Any, output: Tensor) -> None:
        total = sums[id(layer)]
        output = output.float()
        total[0] = total[0] + output.sum(dim=(0, 2, 3))
        total[1] = total[1] + (output**2).sum(dim=(0, 2, 3))
        total[2] += output.numel() // output.shape[1]

    hooks = [layer.register_forward_hook(note) for layer, _ in pairs]
    network.eval()
    for batch in inputs:
        network(batch)
    for hook in hooks:
        hook.remove()
    for layer, norm in pairs:
        first, second, count = sums[id(layer)]
        mean = first / count
        variance = (second / count - mean**2).clamp_min(1e-6)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.add_(mean)
