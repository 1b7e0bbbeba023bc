"""EfficientDet-Lite0 by effdet: random weights, bare and with its own suppression inside."""

import torchvision_ops  # noqa: F401  isort: skip
import common
import cv2
import effdet.anchors
import effdet.bench
import numpy as np
import torch
import torchvision
from effdet import DetBenchPredict, EfficientDet, get_efficientdet_config
from effdet.data.transforms import ResizePad

SIZE = 256
configuration = get_efficientdet_config("tf_efficientdet_lite0")
configuration.image_size = (SIZE, SIZE)
configuration.num_classes = 3
network = EfficientDet(configuration, pretrained_backbone=False)
pictures = common.pictures()
common.unlike(network, common.pictures(8, SIZE, SIZE))
torch.nn.init.normal_(network.class_net.predict.conv_pw.weight, std=0.05)
torch.nn.init.normal_(network.box_net.predict.conv_pw.weight, std=0.02)
bench = DetBenchPredict(network).eval()

MEAN, SPREAD = np.float32([0.485, 0.456, 0.406]) * 255, np.float32([0.229, 0.224, 0.225]) * 255
FILL = (124, 116, 104)
arrays, given = {}, []
for number, picture in enumerate(pictures):
    scale = SIZE / max(picture.shape[:2])
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    # As effdet's ResizePad puts a picture into the upper left corner, through OpenCV instead of Pillow.
    shown = np.empty((SIZE, SIZE, 3), np.uint8)
    shown[:] = FILL
    shown[: size[1], : size[0]] = cv2.cvtColor(cv2.resize(picture, size), cv2.COLOR_BGR2RGB)
    image = torch.from_numpy(((shown - MEAN) / SPREAD).transpose(2, 0, 1)[None].astype(np.float32))
    given.append(image)
    info = {"img_scale": torch.tensor([1 / scale]), "img_size": torch.tensor([[640.0, 480.0]])}
    with torch.no_grad():
        found = bench(image, img_info=info)[0].numpy()
    people = found[(found[:, 5] == 1) & (found[:, 4] > 0.3)]
    arrays |= {
        f"picture_{number}": picture,
        f"boxes_{number}": people[:, :4],
        f"scores_{number}": people[:, 4],
    }
assert ResizePad  # the convention that is followed here
onnx_path, npz_path = common.out("efficientdet")
common.export(network, (given[0],), onnx_path)
np.savez(npz_path, **arrays)


def batched_nms(boxes, scores, kinds, iou_threshold):
    """torchvision's, without its branch for no boxes at all, which cannot be traced."""
    apart = kinds.to(boxes)[:, None] * (boxes.max() + 1)
    return torchvision.ops.nms(boxes + apart, scores, iou_threshold)


def one_picture(_, *given, **more):
    """effdet's loop over a batch is compiled; of one picture it is its own function for one."""
    kinds, sides, anchors, indices, classes, *_ = given
    found = effdet.anchors.generate_detections(
        kinds[0], sides[0], anchors, indices[0], classes[0], None, None, max_det_per_image=100
    )
    return found[None]


effdet.anchors.batched_nms = batched_nms
effdet.bench._batch_detection = one_picture
onnx_path, npz_path = common.out("efficientdet-suppressed")
common.export(bench, (given[0],), onnx_path)
np.savez(npz_path, **arrays)
