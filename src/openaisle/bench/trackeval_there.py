"""Scores by TrackEval. Run in the peers' environment (see peers.py): needs numpy and trackeval only.

HOTA (Luiten et al. 2020), CLEAR MOT (Bernardin & Stiefelhagen 2008) and identity scores (Ristani et al. 2016), by
TrackEval's own classes. Boxes are alike by intersection over union; points of the floor by TrackEval's formula for
distances, 1 - distance / 2 m, so that a similarity of 0.5 is 1 m.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any

import numpy as np

ZERO_DISTANCE_M = 2.0


def similarity(truth, result):
    """[n, m] of places [n, 4] and [m, 4] (x1 y1 x2 y2), or of points [n, 2] and [m, 2] in metres."""
    if truth.shape[1] == 2:
        apart = np.linalg.norm(truth[:, None] - result[None], axis=2)
        return np.maximum(0.0, 1.0 - apart / ZERO_DISTANCE_M)
    low = np.maximum(truth[:, None, :2], result[None, :, :2])
    high = np.minimum(truth[:, None, 2:], result[None, :, 2:])
    both = np.prod(np.maximum(high - low, 0.0), axis=2)
    area = np.prod(truth[:, 2:] - truth[:, :2], axis=1)[:, None]
    area = area + np.prod(result[:, 2:] - result[:, :2], axis=1)[None]
    return both / np.maximum(area - both, 1e-12)


def sequence_data(truth_frame, truth_id, truth_place, frame, ids, place) -> dict[str, Any]:
    """What TrackEval's metrics ask for, of one sequence."""
    frames = np.union1d(truth_frame, frame)
    truth_ids, truth_id = np.unique(truth_id, return_inverse=True)
    result_ids, ids = np.unique(ids, return_inverse=True)
    data: dict[str, Any] = {"gt_ids": [], "tracker_ids": [], "similarity_scores": []}
    for number in frames:
        there, here = truth_frame == number, frame == number
        data["gt_ids"].append(truth_id[there])
        data["tracker_ids"].append(ids[here])
        data["similarity_scores"].append(similarity(truth_place[there], place[here]))
    return data | {
        "num_gt_dets": len(truth_frame),
        "num_tracker_dets": len(frame),
        "num_gt_ids": len(truth_ids),
        "num_tracker_ids": len(result_ids),
        "num_timesteps": len(frames),
    }


def figures(hota, clear, identity) -> list[float]:
    """In the order of tracking_scores.FIGURES."""
    shares = [np.mean(hota[name]) for name in ("HOTA", "DetA", "AssA", "LocA")]
    shares += [clear["MOTA"], identity["IDF1"], clear["CLR_Re"], clear["CLR_Pr"]]
    counts = [clear["IDSW"], clear["Frag"], clear["CLR_FN"], clear["CLR_FP"]]
    return [100.0 * float(each) for each in shares] + [float(each) for each in counts]


def main(given: str, made: str) -> None:
    import trackeval  # pyright: ignore[reportMissingImports]

    with open(os.devnull, "w") as silence, contextlib.redirect_stdout(silence):
        metrics = [
            trackeval.metrics.HOTA(),
            trackeval.metrics.CLEAR({"PRINT_CONFIG": False}),
            trackeval.metrics.Identity({"PRINT_CONFIG": False}),
        ]
        with np.load(given) as arrays:
            count = int(arrays["count"])
            parts = [
                sequence_data(*(arrays[f"{name}_{number}"] for name in ("tf", "ti", "tp", "rf", "ri", "rp")))
                for number in range(count)
            ]
        each = [[metric.eval_sequence(part) for metric in metrics] for part in parts]
        whole = [
            metric.combine_sequences({str(number): row[place] for number, row in enumerate(each)})
            for place, metric in enumerate(metrics)
        ]
    np.savez(made, figures=np.array([figures(*row) for row in [*each, whole]]))


if __name__ == "__main__":
    main(*sys.argv[1:3])
