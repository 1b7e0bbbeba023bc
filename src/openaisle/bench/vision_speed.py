"""What seeing people costs, and what that buys: our networks and pretrained peers on the same frames, in one run.

Speed on a held-out random shop in which simulated shoppers go about it: every detector sees the frames of all cameras
one after another, in turns, so that whatever else the machine does slows all alike; processor time, medians. Accuracy
on the single frames of further held-out shops. Nothing measured here was trained on.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import psutil

from openaisle.bench.vision_stages import STAGES, StagedSight
from openaisle.core.messages import Frame
from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.detections import models
from openaisle.detections.models import PeopleModel
from openaisle.detections.people import PeopleDetector, PeopleSettings
from openaisle.detections.runtime import RuntimeSettings
from openaisle.detections.stages import StagedDetector
from openaisle.learning.average_precision import BoxTally
from openaisle.learning.evaluate import HeldOut, PeopleTally
from openaisle.learning.people_stores import training_store
from openaisle.learning.people_walks import walks
from openaisle.learning.synthesise import Sight, clipped_box, is_judged, sights

IN_VIEW: Final = (0, 1, 2, 4)
"""Numbers of people in view that are told apart."""
SCORE_MIN: Final = 0.02
MEMORY_CAMERAS: Final = 64
FPS: Final = 8.0
WARM_FRAMES: Final = 16


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A detector, and how it runs."""

    label: str
    model: str
    runtime: RuntimeSettings
    sees_whole: bool = False  # ours only: the box network looks at whole pictures

    def built(self, score_min: float | None = None) -> PeopleModel:
        if not self.sees_whole:
            return models.build(self.model, self.runtime, score_min)
        settings = PeopleSettings(runtime=self.runtime, regions=None)
        wanted = settings.score_min if score_min is None else score_min
        return PeopleDetector([], settings=replace(settings, score_min=wanted))


@dataclass(frozen=True, kw_only=True)
class SpeedSettings:
    seed: int = 9000  # of the shop that is walked in; accuracy is measured on shops from the next seed on
    frames: int = 60  # of each number of people in view
    seconds: float = 120.0  # of the shop's time, at most
    stores: int = 3  # whose single frames accuracy is measured on; 0: none


@dataclass(frozen=True)
class _Runner:
    contestant: Contestant
    detector: PeopleModel
    ms: dict[int, list[float]]  # by people in view


def measure(
    contestants: Sequence[Contestant],
    settings: SpeedSettings,
    report: Callable[[str, float], None] = lambda _what, _share: None,
) -> dict[str, Any]:
    """Everything, as one JSON object. The first contestant is ours, and what ratios compare with."""
    assert contestants[0].model == models.PEOPLE
    memory = _memory(contestants[0].runtime)  # first: what others gave back would be taken again, unseen
    runners = [_Runner(each, each.built(), {count: [] for count in IN_VIEW}) for each in contestants]
    result = _speed(runners, settings, report)
    result["memory"] = memory
    if settings.stores:
        result["accuracy"] = _accuracy(contestants, settings, report)
    return result


def _speed(
    runners: Sequence[_Runner], settings: SpeedSettings, report: Callable[[str, float], None]
) -> dict[str, Any]:
    staged = StagedSight(runners[0].contestant.runtime)
    stage_ms: dict[int, list[dict[str, float]]] = {count: [] for count in IN_VIEW}
    windows: dict[int, list[int]] = {count: [] for count in IN_VIEW}
    all_ms: list[float] = []
    store = training_store(settings.seed)
    moments = walks(
        store,
        settings.seed,
        visits=200,
        seconds=settings.seconds,
        fps=FPS,
        arrivals_per_minute=8.0,
        people_max=6,
    )
    for number, sights_now in enumerate(moments):
        if number == 0:
            _begin(runners, staged, sights_now)
        for sight in sights_now:
            frame = Frame(sight.camera.camera_id, sight.at_ns, sight.at_ns, sight.pixels)
            count = sum(is_judged(person) for person in sight.people)
            is_wanted = count in IN_VIEW and len(stage_ms[count]) < settings.frames and number >= WARM_FRAMES
            ms, looked = staged.look(frame)
            if is_wanted:
                stage_ms[count].append(ms)
                windows[count].append(looked)
            for place, runner in enumerate(runners):
                # Those who remember a camera must see all its frames; for others, those that are counted will do.
                if is_wanted or runner.contestant.model == models.PEOPLE:
                    took_ms = _timed(runner.detector, frame)
                    if is_wanted:
                        runner.ms[count].append(took_ms)
                    if place == 0 and number >= WARM_FRAMES:
                        all_ms.append(took_ms)
        least = min(len(rows) for rows in stage_ms.values())
        report("frames", max(least / settings.frames, (number + 1) / (settings.seconds * FPS)))
        if least >= settings.frames:
            break
    ours = runners[0]
    return {
        "what": "processor time of one 640x360 frame, one thread, ms; medians",
        "store_seed": settings.seed,
        "cameras": len(store.cameras),
        "frames": {str(count): len(stage_ms[count]) for count in IN_VIEW},
        "windows_a_frame": {str(count): _mean(windows[count]) for count in IN_VIEW},
        "stages_ms": {
            stage: {str(count): _median([ms[stage] for ms in stage_ms[count]]) for count in IN_VIEW}
            for stage in STAGES
        },
        "whole_ms": {
            runner.contestant.label: {str(count): _median(runner.ms[count]) for count in IN_VIEW}
            for runner in runners
        },
        # What a core must be planned for: in some frames the background learns, too.
        "ours_ms_mean": {str(count): _mean(ours.ms[count]) for count in IN_VIEW},
        "times_ours": {
            runner.contestant.label: {
                str(count): _ratio(_median(runner.ms[count]), _median(ours.ms[count])) for count in IN_VIEW
            }
            for runner in runners[1:]
        },
        "walk": {
            "frames": len(all_ms),
            "ms_a_frame_mean": _mean(all_ms),
            "frames_per_second_per_core": round(1e3 / float(np.mean(all_ms)), 1) if any(all_ms) else None,
            # Peers look at each frame as they look at any other.
            "peers_times_ours": {
                runner.contestant.label: _ratio(_median(_all(runner)), _mean(all_ms))
                for runner in runners[1:]
                if runner.contestant.model != models.PEOPLE
            },
        },
    }


def _begin(runners: Sequence[_Runner], staged: StagedSight, sights_now: Sequence[Sight]) -> None:
    empty = {sight.camera.camera_id: sight.empty for sight in sights_now}
    at_ns = sights_now[0].at_ns - NS_PER_S
    staged.show_empty(empty, at_ns)
    for runner in runners:
        for sight in sights_now:
            runner.detector.watch(sight.camera)
        if isinstance(runner.detector, PeopleDetector):
            runner.detector.show_empty(empty, at_ns)
        # A network's first run takes memory and plans.
        first = sights_now[0]
        runner.detector.detect([Frame(first.camera.camera_id, at_ns, at_ns, first.empty)])


def _all(runner: _Runner) -> list[float]:
    return [ms for count in IN_VIEW for ms in runner.ms[count]]


def _timed(detector: PeopleModel, frame: Frame) -> float:
    started_ns = time.process_time_ns()
    detector.detect([frame])
    return (time.process_time_ns() - started_ns) / NS_PER_MS


def _memory(runtime: RuntimeSettings) -> dict[str, float]:
    """Resident memory of the networks once, and of what is kept of each camera, MB."""
    pixels = np.random.default_rng(1).integers(0, 255, (360, 640, 3), np.uint8)
    process = psutil.Process()

    def resident_mb() -> float:
        gc.collect()
        return process.memory_info().rss / 2**20

    before_mb = resident_mb()
    detector = PeopleDetector([], settings=PeopleSettings(runtime=runtime))
    _see(detector, 0, pixels)
    networks_mb = resident_mb() - before_mb
    one_mb = resident_mb()
    for number in range(1, MEMORY_CAMERAS + 1):
        _see(detector, number, pixels)
    return {
        "networks_mb": round(networks_mb, 1),
        "a_camera_mb": round((resident_mb() - one_mb) / MEMORY_CAMERAS, 2),
        "cameras": MEMORY_CAMERAS,
    }


def _see(detector: PeopleDetector, number: int, pixels: np.ndarray) -> None:
    """A camera's background, and a frame that differs from it."""
    camera = models.camera_of_size(f"memory-{number}", pixels.shape[1], pixels.shape[0])
    detector.watch(camera)
    detector.show_empty({camera.camera_id: pixels}, 0)
    for step in (1, 2):
        at_ns = step * NS_PER_S
        detector.detect([Frame(camera.camera_id, at_ns, at_ns, np.roll(pixels, step * 16, axis=1))])


def _accuracy(
    contestants: Sequence[Contestant], settings: SpeedSettings, report: Callable[[str, float], None]
) -> dict[str, Any]:
    """Average precision on single frames of held-out shops, against whole bodies and against what shows of them."""
    held_out = replace(HeldOut(), first_store=settings.seed + 1, stores=settings.stores)
    detectors = [each.built(SCORE_MIN) for each in contestants]
    reported = [each.built().score_min for each in contestants]
    joints = [PeopleTally() for _ in contestants]
    has_joints = [False] * len(contestants)
    whole, visible = ([BoxTally() for _ in contestants] for _ in range(2))
    done, frames = 0, settings.stores * held_out.cameras * held_out.frames
    for store in range(settings.stores):
        for sight in sights(held_out.first_store + store, held_out.as_settings()):
            height, width = sight.pixels.shape[:2]
            judged = np.array([is_judged(person) for person in sight.people], bool)
            bodies = [clipped_box(person, width, height) for person in sight.people]
            shown = [np.nan_to_num(person.visible_box_px) for person in sight.people]
            frame = Frame(sight.camera.camera_id, sight.at_ns, sight.at_ns, sight.pixels)
            for place, detector in enumerate(detectors):
                detector.watch(sight.camera)
                if isinstance(detector, PeopleDetector | StagedDetector):
                    detector.show_empty({sight.camera.camera_id: sight.empty}, sight.at_ns)
                found = detector.detect([frame])[0]
                joints[place].add(sight, found, reported[place])
                has_joints[place] |= bool(found.keypoints_image_px[:, :, 2].any())
                for tally, boxes in ((whole[place], bodies), (visible[place], shown)):
                    truth = np.array(boxes, np.float32).reshape(-1, 4)
                    tally.add(found.boxes_image_px, found.scores, truth, judged)
            done += 1
            report("accuracy", done / frames)
    last = held_out.first_store + settings.stores - 1
    rows = {}
    for place, each in enumerate(contestants):
        bodies_figures = whole[place].figures(reported[place])
        shown_figures = visible[place].figures(reported[place])
        rows[each.label] = {
            "ap50": bodies_figures.ap50,
            "ap": bodies_figures.ap,
            "ap50_of_visible_boxes": shown_figures.ap50,
            "recall": bodies_figures.recall,
            "false_people_per_frame": bodies_figures.false_people_per_picture,
        }
        if has_joints[place]:
            of_joints = joints[place].figures()
            rows[each.label]["keypoint_ap"] = of_joints.keypoint_ap
            rows[each.label]["wrist_px_median"] = of_joints.wrist_px_median
    figures = whole[0].figures(reported[0])
    return {
        "store_seeds": [held_out.first_store, last],
        "frames": figures.pictures,
        "people": figures.people,
        "models": rows,
    }


def lines(result: dict[str, Any]) -> list[str]:
    """For people to read."""
    frames = ", ".join(f"{count} people: {many}" for count, many in result["frames"].items())
    rows = [
        f"{result['what']}; store seed {result['store_seed']}, {result['cameras']} cameras; frames with {frames}",
        f"{'people in view':44}" + "".join(f"{count:>9}" for count in result["frames"]),
    ]
    rows += [
        _row(f"  {stage.replace('_', ' ')}", by_count) for stage, by_count in result["stages_ms"].items()
    ]
    rows += [_row(label, by_count) for label, by_count in result["whole_ms"].items()]
    rows += [_row(f"{label}, times ours", by_count) for label, by_count in result["times_ours"].items()]
    walk, memory = result["walk"], result["memory"]
    rows.append(
        f"the whole walk: {walk['frames']} frames, {walk['ms_a_frame_mean']} ms a frame, "
        f"{walk['frames_per_second_per_core']} frames per second per core"
    )
    rows += [
        _row(f"the walk, {label}, times ours", {"": each}) for label, each in walk["peers_times_ours"].items()
    ]
    rows.append(f"memory: networks {memory['networks_mb']} MB, and {memory['a_camera_mb']} MB a camera")
    if "accuracy" in result:
        accuracy = result["accuracy"]
        first, last = accuracy["store_seeds"]
        rows.append(
            f"accuracy on {accuracy['frames']} frames, {accuracy['people']} people, seeds {first}-{last}:"
        )
        rows += [
            f"  {label:32} AP50 {row['ap50']:.3f}, AP {row['ap']:.3f}, AP50 of what shows "
            f"{row['ap50_of_visible_boxes']:.3f}, recall {row['recall']:.3f}, false {row['false_people_per_frame']:.3f}"
            + (f", joints' AP {row['keypoint_ap']:.3f}" if "keypoint_ap" in row else "")
            for label, row in accuracy["models"].items()
        ]
    return rows


def _row(label: str, by_count: dict[str, float | None]) -> str:
    cells = "".join("        -" if ms is None else f"{ms:9.2f}" for ms in by_count.values())
    return f"{label:44}{cells}"


def _median(values: Sequence[float]) -> float | None:
    return round(float(np.median(values)), 3) if values else None


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 2) if values else None


def _ratio(theirs: float | None, ours: float | None) -> float | None:
    return None if theirs is None or not ours else round(theirs / ours, 2)
