"""torchvision's compiled operators in plain torch, for a torchvision beside a torch that it was not built for.

Import this before torchvision. Where torchvision has its own, nothing is done. Only for measuring against: slow.
"""

import sys

import torch


def _nms(boxes, scores, overlap_max):
    order = scores.argsort(descending=True, stable=True)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
    kept = []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(best)
        low = torch.maximum(boxes[best, :2], boxes[order, :2])
        high = torch.minimum(boxes[best, 2:], boxes[order, 2:])
        shared = (high - low).clamp(min=0).prod(dim=1)
        order = order[shared / (areas[best] + areas[order] - shared) <= overlap_max]
    return torch.stack(kept) if kept else torch.zeros(0, dtype=torch.int64)


def _roi_align(maps, rois, scale, height, width, samples, aligned):
    """One region after another: torchvision's own stand-in takes memory for all of them at once."""
    rows, columns = maps.shape[2:]
    parts = []
    for roi in rois:
        x1, y1, x2, y2 = (roi[1:] * scale - (0.5 if aligned else 0.0)).tolist()
        wide, high = x2 - x1, y2 - y1
        if not aligned:
            wide, high = max(wide, 1.0), max(high, 1.0)
        down = samples if samples > 0 else max(1, -int(-high // height))
        across = samples if samples > 0 else max(1, -int(-wide // width))
        y = y1 + (torch.arange(height * down) + 0.5) * high / (height * down)
        x = x1 + (torch.arange(width * across) + 0.5) * wide / (width * across)
        grid = torch.stack(torch.meshgrid(y, x, indexing="ij"))
        outside = (grid[0] < -1) | (grid[0] > rows) | (grid[1] < -1) | (grid[1] > columns)
        unit = torch.stack([grid[1] / max(columns - 1, 1), grid[0] / max(rows - 1, 1)], dim=-1) * 2 - 1
        seen = torch.nn.functional.grid_sample(
            maps[int(roi[0])][None], unit[None], padding_mode="border", align_corners=True
        )[0]
        seen = seen * ~outside
        parts.append(seen.reshape(-1, height, down, width, across).mean(dim=(2, 4)))
    return torch.stack(parts) if parts else maps.new_zeros((0, maps.shape[1], height, width))


# Functions, not lambdas: both are compiled when a network is traced.
def _has_ops() -> bool:
    return True


def _assert_has_ops() -> None:
    pass


def _stand_in():
    """Kept by the caller: what is registered goes when its library goes."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]  # half imported
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define(
        "roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width, "
        "int sampling_ratio, bool aligned) -> Tensor"
    )
    library.impl("nms", _nms, "CPU")
    library.impl("roi_align", _roi_align, "CPU")
    import torchvision.ops.boxes
    import torchvision.ops.roi_align

    # The module is shadowed by its function in the package.
    module = sys.modules["torchvision.ops.roi_align"]
    module._has_ops = _has_ops
    module._assert_has_ops = torchvision.ops.boxes._assert_has_ops = _assert_has_ops
    return library


try:
    import torchvision  # noqa: F401
except RuntimeError:  # operator torchvision::nms does not exist
    _library = _stand_in()
