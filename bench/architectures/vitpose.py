"""ViTPose by transformers: random weights, its own processor before and behind."""

import torchvision_ops  # noqa: F401  isort: skip
import common
import numpy as np
import torch
from transformers import VitPoseBackboneConfig, VitPoseConfig, VitPoseForPoseEstimation, VitPoseImageProcessor

backbone = VitPoseBackboneConfig(
    hidden_size=96, num_hidden_layers=3, num_attention_heads=4, intermediate_size=192, out_features=["stage3"]
)
configuration = VitPoseConfig(backbone_config=backbone, num_labels=17, use_simple_decoder=False)
network = VitPoseForPoseEstimation(configuration).eval()
for each in network.modules():
    if isinstance(each, torch.nn.Linear | torch.nn.Conv2d | torch.nn.ConvTranspose2d):
        torch.nn.init.normal_(each.weight, std=0.12)
processor = VitPoseImageProcessor()


class Maps(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.network = network

    def forward(self, pixels):
        return self.network(pixels).heatmaps


BOXES = np.float32(
    [[40, 30, 120, 300], [300, 100, 200, 150], [500, 200, 200, 400]]
)  # left, top, width, height
arrays = {}
for number, picture in enumerate(common.pictures()):
    rgb = np.ascontiguousarray(picture[:, :, ::-1])
    pixels = processor(rgb, boxes=[BOXES.tolist()], return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        answer = network(pixels)
    people = processor.post_process_pose_estimation(answer, boxes=[BOXES])[0]
    joints = np.stack(
        [np.concatenate([each["keypoints"], each["scores"][:, None]], axis=1) for each in people]
    )
    corners = np.concatenate([BOXES[:, :2], BOXES[:, :2] + BOXES[:, 2:]], axis=1)
    arrays |= {
        f"picture_{number}": picture,
        f"boxes_{number}": corners,
        f"joints_{number}": joints,
        f"maps_{number}": answer.heatmaps.numpy(),
    }
onnx_path, npz_path = common.out("vitpose")
axes = {"pixels": {0: "people"}, "maps": {0: "people"}}
common.export(Maps(), (pixels,), onnx_path, ("pixels",), ["maps"], dynamic_axes=axes)
np.savez(npz_path, **arrays)
