"""YOLOv8 and YOLO11, detect and pose, by ultralytics: random weights, its own exporter, its own predictor."""

import shutil
from pathlib import Path

import torchvision_ops  # noqa: F401  isort: skip
import common
import numpy as np
import torch
from ultralytics import YOLO
from ultralytics.nn.tasks import PoseModel

SIZE = 320

for architecture in ("yolov8n", "yolov8n-pose", "yolo11n", "yolo11n-pose"):
    model = YOLO(f"{architecture}.yaml")
    if "pose" in architecture:  # as its checkpoints: one kind of thing
        made = PoseModel(f"{architecture}.yaml", nc=1, verbose=False)
        made.task, made.args, made.names = model.model.task, model.model.args, {0: "person"}
        model.model = made
    head = model.model.model[-1]
    common.unlike(model.model, common.pictures(8, SIZE, SIZE))
    for branch in head.cv3:  # some cells see people, most do not
        torch.nn.init.normal_(branch[-1].weight, std=0.5)
        torch.nn.init.constant_(branch[-1].bias, -2.0)
        branch[-1].bias.data[0] += 1.0
    onnx_path, npz_path = common.out(architecture)
    checkpoint = Path(onnx_path).with_suffix(".pt")
    model.save(checkpoint)
    made = Path(
        YOLO(checkpoint).export(format="onnx", imgsz=SIZE, simplify=False, verbose=False, device="cpu")
    )
    if made != onnx_path:
        shutil.move(made, onnx_path)
    checkpoint.unlink(missing_ok=True)
    arrays = {}
    library = YOLO(onnx_path, task="pose" if "pose" in architecture else "detect")
    for number, picture in enumerate(common.pictures()):
        result = library.predict(
            picture, imgsz=SIZE, conf=0.25, iou=0.7, classes=[0], max_det=300, verbose=False, device="cpu"
        )[0]
        arrays[f"picture_{number}"] = picture
        arrays[f"boxes_{number}"] = result.boxes.xyxy.numpy()
        arrays[f"scores_{number}"] = result.boxes.conf.numpy()
        if result.keypoints is not None:
            arrays[f"joints_{number}"] = result.keypoints.data.numpy()
    np.savez(npz_path, **arrays)
    print(architecture, {name: value.shape for name, value in arrays.items()})
