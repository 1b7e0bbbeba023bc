"""OpenPose by controlnet_aux (PyTorch-OpenPose's network and assembly): random weights, people planted in its maps.

Random weights see nobody; so the exported network adds maps of known people to what it sees, and both decoders get the
same.
"""

import sys
import types

import common
import cv2
import numpy as np
import scipy.ndimage
import torch

sys.modules.setdefault("scipy.ndimage.filters", scipy.ndimage)
package = types.ModuleType("controlnet_aux")  # whose own __init__ asks for much more
import importlib.util  # noqa: E402
from pathlib import Path  # noqa: E402

package.__path__ = [str(Path(importlib.util.find_spec("controlnet_aux").origin).parent)]
sys.modules["controlnet_aux"] = package
pose = types.ModuleType("controlnet_aux.open_pose")
pose.__path__ = [package.__path__[0] + "/open_pose"]
sys.modules["controlnet_aux.open_pose"] = pose
from controlnet_aux.open_pose import util  # noqa: E402, F401
from controlnet_aux.open_pose.body import Body  # noqa: E402
from controlnet_aux.open_pose.model import bodypose_model  # noqa: E402

HEIGHT, WIDTH = 368, 496  # of the pictures; the network sees half, 184 by 248
GRID = (HEIGHT // 16, WIDTH // 16)
LIMBS = [
    (1, 2, 12), (1, 5, 20), (2, 3, 14), (3, 4, 16), (5, 6, 22), (6, 7, 24), (1, 8, 0), (8, 9, 2), (9, 10, 4),
    (1, 11, 6), (11, 12, 8), (12, 13, 10), (1, 0, 28), (0, 14, 30), (14, 16, 34), (0, 15, 32), (15, 17, 36),
    (2, 16, 18), (5, 17, 26),
]  # fmt: skip
BODY = np.float32([
    [0, -40], [0, -25], [-14, -25], [-18, -8], [-20, 8], [14, -25], [18, -8], [20, 8], [-8, 12], [-9, 35], [-9, 58],
    [8, 12], [9, 35], [9, 58], [-3, -43], [3, -43], [-7, -41], [7, -41],
])  # fmt: skip
"""Somebody upright in input px, in the order of the network's joints."""
PEOPLE = [
    (BODY * 1.1 + [60, 90], None),
    (BODY * [1.0, 1.15] + [105, 92], None),  # arms beside the first one's
    (BODY * 1.2 + [190, 85], [4, 16, 17]),  # without a wrist and ears
]


def planted():
    """Maps [19, h, w] and fields [38, h, w] on the grid."""
    y, x = np.mgrid[0 : GRID[0], 0 : GRID[1]].astype(np.float32)
    maps, fields, counts = np.zeros((19, *GRID)), np.zeros((38, *GRID)), np.zeros((19, *GRID))
    for joints, missing in PEOPLE:
        cells = joints / 8 - 0.5
        is_there = [part not in (missing or ()) for part in range(18)]
        for part in range(18):
            if is_there[part]:
                bump = np.exp(-((x - cells[part, 0]) ** 2 + (y - cells[part, 1]) ** 2) / (2 * 0.9**2))
                maps[part] = np.maximum(maps[part], bump)
        for number, (start, end, channel) in enumerate(LIMBS):
            if not (is_there[start] and is_there[end]):
                continue
            way = cells[end] - cells[start]
            length = max(np.linalg.norm(way), 1e-3)
            unit = way / length
            along = (x - cells[start, 0]) * unit[0] + (y - cells[start, 1]) * unit[1]
            across = np.abs((x - cells[start, 0]) * unit[1] - (y - cells[start, 1]) * unit[0])
            inside = (along > -0.7) & (along < length + 0.7) & (across < 0.9)
            fields[channel : channel + 2] += inside * unit[:, None, None]
            counts[number] += inside
    for number, (_, _, channel) in enumerate(LIMBS):
        fields[channel : channel + 2] /= np.maximum(counts[number], 1)
    maps[18] = 1 - maps[:18].max(axis=0)
    return torch.from_numpy(maps[None]).float(), torch.from_numpy(fields[None]).float()


class Planted(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.network = bodypose_model()
        for each in self.network.modules():  # quiet, but not silent
            if isinstance(each, torch.nn.Conv2d):
                torch.nn.init.normal_(each.weight, std=0.8 / each.weight[0].numel() ** 0.5)
                torch.nn.init.zeros_(each.bias)
        maps, fields = planted()
        self.register_buffer("maps", maps)
        self.register_buffer("fields", fields)

    def forward(self, pixels):
        fields, maps = self.network(pixels)
        return self.fields + 0.02 * torch.tanh(fields), self.maps + 0.02 * torch.tanh(maps)


body = Body.__new__(Body)
body.model = Planted().eval()
arrays = {}
for number, picture in enumerate(common.pictures(2, WIDTH, HEIGHT)):
    candidates, subsets = body(picture)
    joints = np.zeros((len(subsets), 18, 3), np.float32)
    for row, person in zip(joints, subsets, strict=True):
        for part, index in enumerate(person[:18].astype(int)):
            if index >= 0:
                row[part] = candidates[index, :3]
    arrays |= {f"picture_{number}": picture, f"joints_{number}": joints}
onnx_path, npz_path = common.out("openpose")
seen = cv2.resize(arrays["picture_0"], (WIDTH // 2, HEIGHT // 2))
given = torch.from_numpy(seen.transpose(2, 0, 1)[None].astype(np.float32) / 256 - 0.5)
common.export(body.model, (given,), onnx_path, ("pixels",), ["fields", "maps"])
np.savez(npz_path, **arrays)
