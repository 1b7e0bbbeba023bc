"""SlowFast and X3D by pytorchvideo, VideoMAE and TimeSformer by transformers: random weights, their own processors."""

import sys
import types

import torchvision_ops  # noqa: F401  isort: skip
import torchvision.transforms.functional as functional

# pytorchvideo asks for a module that torchvision has renamed since.
sys.modules["torchvision.transforms.functional_tensor"] = functional
import common  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from pytorchvideo.models.slowfast import create_slowfast  # noqa: E402
from pytorchvideo.models.x3d import create_x3d  # noqa: E402
from pytorchvideo.transforms.functional import (  # noqa: E402
    short_side_scale,
    uniform_temporal_subsample,
)
from torchvision.transforms._functional_video import center_crop, normalize  # noqa: E402
from transformers import (  # noqa: E402
    TimesformerConfig,
    TimesformerForVideoClassification,
    VideoMAEConfig,
    VideoMAEForVideoClassification,
    VideoMAEImageProcessor,
)

assert types
CLASSES = 5
FRAMES = 24
rng = np.random.default_rng(3)
still = common.pictures(1, 320, 240)[0]
clip = [np.roll(still, 6 * index, axis=1) for index in range(FRAMES)]  # BGR; something moves


def kinetics(frames, side):
    """As pytorchvideo's tutorials prepare Kinetics clips: [3, frames, side, side]."""
    video = torch.from_numpy(np.stack(clip)[:, :, :, ::-1].copy()).permute(3, 0, 1, 2).float()
    video = uniform_temporal_subsample(video, frames) / 255.0
    video = normalize(video, [0.45] * 3, [0.225] * 3)
    return center_crop(short_side_scale(video, side), (side, side))[None]


def loud(network):
    for each in network.modules():
        if isinstance(each, torch.nn.Linear) and each.out_features == CLASSES:
            torch.nn.init.normal_(each.weight, std=0.15)


def keep(name, network, given, names):
    onnx_path, npz_path = common.out(name)
    loud(network)
    with torch.no_grad():
        answer = network.eval()(*given)
    answer = getattr(answer, "logits", answer)
    common.export(Logits(network), given, onnx_path, names, ["logits"])
    shares = torch.softmax(answer, dim=1)[0].numpy()
    np.savez(npz_path, clip=np.stack(clip), probabilities=shares)


class Logits(torch.nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, *given):
        answer = self.network(*given)
        return getattr(answer, "logits", answer)


class Ways(torch.nn.Module):
    """SlowFast takes a list."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, slow, fast):
        return self.network([slow, fast])


fast = kinetics(16, 128)
slow = torch.index_select(fast, 2, torch.linspace(0, 15, 4).long())  # its PackPathway, alpha 4
slowfast = create_slowfast(
    model_num_class=CLASSES, model_depth=18, slowfast_fusion_conv_kernel_size=(5, 1, 1), head_activation=None,
    head_pool_kernel_sizes=((4, 4, 4), (16, 4, 4)),
)  # fmt: skip
keep("slowfast", Ways(slowfast), (slow, fast), ("slow", "fast"))
x3d = create_x3d(
    input_clip_length=4, input_crop_size=96, model_num_class=CLASSES, head_activation=None, depth_factor=1.0
)
keep("x3d", x3d, (kinetics(4, 96),), ("pixels",))

SMALL = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96}
rgb = [np.ascontiguousarray(each[:, :, ::-1]) for each in clip]


def chosen(count):
    return [rgb[index] for index in np.linspace(0, FRAMES - 1, count).astype(int)]


# Colours as the preprocessor_config.json of their checkpoints has them: not the class's own defaults.
IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
processor = VideoMAEImageProcessor(
    size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64}, **IMAGENET
)
videomae = VideoMAEForVideoClassification(
    VideoMAEConfig(**SMALL, image_size=64, num_frames=16, num_labels=CLASSES)
)
keep("videomae", videomae, (processor(chosen(16), return_tensors="pt")["pixel_values"],), ("pixels",))
processor = VideoMAEImageProcessor(
    size={"shortest_edge": 64},
    crop_size={"height": 64, "width": 64},
    image_mean=[0.45] * 3,
    image_std=[0.225] * 3,
)
timesformer = TimesformerForVideoClassification(
    TimesformerConfig(**SMALL, image_size=64, num_frames=8, num_labels=CLASSES)
)
keep("timesformer", timesformer, (processor(chosen(8), return_tensors="pt")["pixel_values"],), ("pixels",))
