"""MediaPipe's own pipeline on photos of people: `DATA=folder make test-architectures`, a folder with coco128 in it.

Its landmark networks have weights in their packages; what it makes of a photo needs a photo. None comes with us.
"""

import os
import sys
from pathlib import Path

import cv2
import mediapipe
import numpy as np

PHOTOS = 12
folder = Path(os.environ.get("DATA", "data")) / "coco128"
photos = []
for label in sorted((folder / "labels").rglob("*.txt")):
    rows = np.loadtxt(label, ndmin=2)
    people = rows[rows[:, 0] == 0]
    # One person, and a large one: MediaPipe follows one.
    if len(people) == 1 and people[0, 4] > 0.6:
        photos.append((label, people[0, 1:]))
if not photos:
    raise SystemExit(f"no photos of single people in {folder}: set DATA")
arrays = {}
# The full network comes in the wheel; the other sizes would be taken from a host at run time.
with mediapipe.solutions.pose.Pose(static_image_mode=True, model_complexity=1) as pose:
    for label, (x, y, wide, high) in photos:
        path = next((folder / "images").rglob(f"{label.stem}.jpg"))
        picture = cv2.imread(str(path))
        height, width = picture.shape[:2]
        found = pose.process(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
        number = len(arrays) // 3
        if found.pose_landmarks is None or number >= PHOTOS:
            continue
        box = np.float32([x - wide / 2, y - high / 2, x + wide / 2, y + high / 2])
        arrays[f"file_{number}"] = np.array(str(path.relative_to(folder)))
        arrays[f"box_{number}"] = box * [width, height, width, height]
        arrays[f"joints_{number}"] = np.float32(
            [[mark.x * width, mark.y * height, mark.visibility] for mark in found.pose_landmarks.landmark]
        )
out = Path(sys.argv[1]) / "mediapipe-pose.npz"
np.savez(out, **arrays)
print(f"{len(arrays) // 3} photos")

hands = {}
with mediapipe.solutions.hands.Hands(static_image_mode=True, model_complexity=1) as network:
    for path in sorted((folder / "images").rglob("*.jpg"))[:128]:
        picture = cv2.imread(str(path))
        height, width = picture.shape[:2]
        found = network.process(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
        for marks in found.multi_hand_landmarks or []:
            number = len(hands) // 2
            hands[f"file_{number}"] = np.array(str(path.relative_to(folder)))
            hands[f"marks_{number}"] = np.float32(
                [[mark.x * width, mark.y * height] for mark in marks.landmark]
            )
np.savez(out.with_name("mediapipe-hands.npz"), **hands)
print(f"{len(hands) // 2} hands")
