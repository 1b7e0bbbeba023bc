"""Faster R-CNN by Detectron2 (traced by its own adapter), Faster and Keypoint R-CNN by torchvision: random weights."""

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


def detectron2_faster_rcnn():
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
    configuration = get_cfg()
    configuration.merge_from_list([part for pair in wanted.items() for part in pair])
    model = build_model(configuration).eval()
    _loud(model.roi_heads.box_predictor.cls_score, model.roi_heads.box_predictor.bbox_pred)
    given = [torch.from_numpy(each.transpose(2, 0, 1).astype(np.float32)) for each in PICTURES]

    def inference(network, inputs):
        return [{"instances": network.inference(inputs, do_postprocess=False)[0]}]

    onnx_path, npz_path = common.out("detectron2-faster-rcnn")
    common.export(TracingAdapter(model, [{"image": given[0]}], inference), (given[0],), onnx_path)
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
    np.savez(npz_path, **arrays)


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
    detectron2_faster_rcnn()
torchvision_rcnn(
    "torchvision-faster-rcnn",
    torchvision.models.detection.fasterrcnn_mobilenet_v3_large_320_fpn,
    num_classes=4,
)
torchvision_rcnn(
    "torchvision-keypoint-rcnn", torchvision.models.detection.keypointrcnn_resnet50_fpn, num_classes=2
)
