"""Faster and Keypoint R-CNN, by Detectron2 (traced by its own adapter) and by torchvision: random weights."""

import os
import sys
import types
from pathlib import Path

import torchvision_ops  # noqa: F401  isort: skip
import common
import numpy as np
import PIL.Image
import torch

SIZE = (480, 640)
PICTURES = common.pictures(2, SIZE[1], SIZE[0])


def detectron2_rcnn(name, **more):
    """`more`: settings beside those of a small Faster R-CNN, dots as two underscores."""
    # Plain Python suffices for this network: the compiled part is for deformable convolutions and rotated boxes.
    sys.path.insert(0, str(Path(sys.argv[2])))
    PIL.Image.LINEAR = PIL.Image.BILINEAR
    import detectron2

    detectron2._C = sys.modules["detectron2._C"] = types.ModuleType("detectron2._C")
    export = types.ModuleType("detectron2.export")  # whose own __init__ asks for Caffe2
    export.__path__ = [os.path.join(os.path.dirname(detectron2.__file__), "export")]
    sys.modules["detectron2.export"] = export
    from detectron2.config import get_cfg
    from detectron2.export.flatten import TracingAdapter
    from detectron2.modeling import build_model
    from detectron2.modeling.roi_heads import keypoint_head

    levels = ["res2", "res3", "res4", "res5"]
    wanted = {
        "MODEL.DEVICE": "cpu",
        "MODEL.META_ARCHITECTURE": "GeneralizedRCNN",
        "MODEL.BACKBONE.NAME": "build_resnet_fpn_backbone",
        "MODEL.RESNETS.DEPTH": 18,
        "MODEL.RESNETS.RES2_OUT_CHANNELS": 64,
        "MODEL.RESNETS.OUT_FEATURES": levels,
        "MODEL.FPN.IN_FEATURES": levels,
        "MODEL.ANCHOR_GENERATOR.SIZES": [[32], [64], [128], [256], [512]],
        "MODEL.RPN.IN_FEATURES": ["p2", "p3", "p4", "p5", "p6"],
        "MODEL.RPN.PRE_NMS_TOPK_TEST": 200,
        "MODEL.RPN.POST_NMS_TOPK_TEST": 50,
        "MODEL.ROI_HEADS.NAME": "StandardROIHeads",
        "MODEL.ROI_HEADS.IN_FEATURES": ["p2", "p3", "p4", "p5"],
        "MODEL.ROI_HEADS.NUM_CLASSES": 3,
        "MODEL.ROI_BOX_HEAD.NAME": "FastRCNNConvFCHead",
        "MODEL.ROI_BOX_HEAD.NUM_FC": 2,
        "MODEL.ROI_BOX_HEAD.POOLER_RESOLUTION": 7,
    }
    wanted |= {key.replace("__", "."): value for key, value in more.items()}
    configuration = get_cfg()
    configuration.merge_from_list([part for pair in wanted.items() for part in pair])
    model = build_model(configuration).eval()
    # Nothing is normalised here, so numbers grow from layer to layer: weights this small give boxes of every size.
    predictor = model.roi_heads.box_predictor
    for sides in (model.proposal_generator.rpn_head.anchor_deltas, predictor.bbox_pred):
        torch.nn.init.normal_(sides.weight, std=1e-5)
    torch.nn.init.normal_(predictor.cls_score.weight, std=1e-4)
    if model.roi_heads.keypoint_on:
        torch.nn.init.normal_(model.roi_heads.keypoint_head.score_lowres.weight, std=2e-3)
    given = [torch.from_numpy(each.transpose(2, 0, 1).astype(np.float32)) for each in PICTURES]

    def inference(network, inputs):
        return [{"instances": network.inference(inputs, do_postprocess=False)[0]}]

    onnx_path, npz_path = common.out(name)
    decode, keypoint_head.keypoint_rcnn_inference = keypoint_head.keypoint_rcnn_inference, _maps_alone
    common.export(TracingAdapter(model, [{"image": given[0]}], inference), (given[0],), onnx_path)
    keypoint_head.keypoint_rcnn_inference = decode
    arrays = {}
    for number, (picture, image) in enumerate(zip(PICTURES, given, strict=True)):
        with torch.no_grad():  # its own postprocessing, to the size of the picture
            found = model([{"image": image, "height": SIZE[0], "width": SIZE[1]}])[0]["instances"]
        people = found[found.pred_classes == 0]
        arrays |= {
            f"picture_{number}": picture,
            f"boxes_{number}": people.pred_boxes.tensor.numpy(),
            f"scores_{number}": people.scores.numpy(),
        }
        if people.has("pred_keypoints"):
            arrays[f"joints_{number}"] = people.pred_keypoints.numpy()
    np.savez(npz_path, **arrays)


def _maps_alone(logits, instances):
    """In the place of its decoding, a compiled loop that torch cannot write as ONNX."""
    instances[0].pred_keypoint_heatmaps = logits


def torchvision_rcnn(name, make, **sizes):
    network = make(
        weights=None,
        weights_backbone=None,
        min_size=SIZE[0],
        max_size=SIZE[1],
        rpn_pre_nms_top_n_test=200,
        rpn_post_nms_top_n_test=50,
        **sizes,
    ).eval()
    _loud(network.roi_heads.box_predictor.cls_score, network.roi_heads.box_predictor.bbox_pred)
    rgb = [each[:, :, ::-1].transpose(2, 0, 1).astype(np.float32) / 255 for each in PICTURES]
    given = [torch.from_numpy(each) for each in rgb]
    onnx_path, npz_path = common.out(name)
    # The wrapped list is what torchvision documents for export; outputs come as it orders them.
    common.export(network, ([given[0]],), onnx_path)
    arrays = {}
    for number, (picture, image) in enumerate(zip(PICTURES, given, strict=True)):
        with torch.no_grad():
            found = network([image])[0]
        people = found["labels"] == 1
        arrays[f"picture_{number}"] = picture
        arrays[f"boxes_{number}"] = found["boxes"][people].numpy()
        arrays[f"scores_{number}"] = found["scores"][people].numpy()
        if "keypoints" in found:
            joints = found["keypoints"][people].numpy()
            joints[:, :, 2] = torch.sigmoid(found["keypoints_scores"][people]).numpy()
            arrays[f"joints_{number}"] = joints
    np.savez(npz_path, **arrays)


def _loud(kinds, sides):
    torch.nn.init.normal_(kinds.weight, std=0.02)
    torch.nn.init.normal_(sides.weight, std=0.002)


import torchvision  # noqa: E402

if (Path(sys.argv[2]) / "detectron2").is_dir():
    detectron2_rcnn("detectron2-faster-rcnn")
    detectron2_rcnn(
        "detectron2-keypoint-rcnn",
        MODEL__KEYPOINT_ON=True,
        MODEL__ROI_HEADS__NUM_CLASSES=1,
        MODEL__ROI_KEYPOINT_HEAD__POOLER_RESOLUTION=14,
        MODEL__ROI_KEYPOINT_HEAD__CONV_DIMS=[64, 64],
    )
torchvision_rcnn(
    "torchvision-faster-rcnn",
    torchvision.models.detection.fasterrcnn_mobilenet_v3_large_320_fpn,
    num_classes=4,
)
torchvision_rcnn(
    "torchvision-keypoint-rcnn", torchvision.models.detection.keypointrcnn_resnet50_fpn, num_classes=2
)
