"""Labels of strangers: what is wrong is one sentence, what comes back corrects, what cannot be said is said."""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.labels.making import small, write_pictures
from typer.testing import CliRunner

from openaisle.cli import build_app
from openaisle.core.errors import InputError
from openaisle.labels.dataset import FrameLabels, box
from openaisle.labels.folder import read_dataset, write_dataset
from openaisle.labels.formats import FORMATS, bring_onto, export


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_dataset(tmp_path / "data", small())
    write_pictures(tmp_path / "data", small())
    return tmp_path / "data"


def run(*arguments: object) -> str:
    done = CliRunner().invoke(build_app(), [str(argument) for argument in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_correction_replaces_labels_and_keeps_what_the_format_cannot_say(
    name: str, folder: Path, tmp_path: Path
) -> None:
    changed = replace(small().frames[1].labels[0], box_px=(11.0, 12.0, 70.0, 100.0))
    frames = list(small().frames)
    frames[1] = replace(frames[1], labels=(changed,))
    write_dataset(tmp_path / "corrected", replace(small(), frames=tuple(frames)))
    write_pictures(tmp_path / "corrected", small())
    export(name, tmp_path / "corrected", tmp_path / "out")
    done = bring_onto(name, tmp_path / "out", folder)
    assert (done.frames, done.changed, done.unknown) == (3, 1, 0)
    after = read_dataset(folder)
    assert after.frames[1].labels[0].box_px == changed.box_px
    assert after.frames[0] == small().frames[0]
    assert after.sources == small().sources
    assert after.actions == small().actions


def test_what_a_format_has_no_place_for_is_said(folder: Path, tmp_path: Path) -> None:
    assert export("coco", folder, tmp_path / "coco").lost == []
    lost = " ".join(export("mot", folder, tmp_path / "mot").lost)
    for words in ("joints (2)", "actions (1)", "other things than people (1)", "licences"):
        assert words in lost


def test_pictures_go_where_the_format_has_them(folder: Path, tmp_path: Path) -> None:
    for name, place in (
        ("coco", "pictures/0001.png"),
        ("yolo", "images/pictures/0001.png"),
        ("mot", "walk/img1/000001.jpg"),
        ("cvat-video", "walk/000001.jpg"),
    ):
        assert export(name, folder, tmp_path / name).pictures == 3
        assert (tmp_path / name / place).is_file()
    assert export("coco", folder, tmp_path / "bare", with_pictures=False).pictures == 0


def test_the_command_imports_with_facts_that_the_labels_do_not_say(folder: Path, tmp_path: Path) -> None:
    run("learn", "export", "yolo-pose", folder, "--out", tmp_path / "yolo")
    facts = (
        "--store",
        "kiosk",
        "--camera",
        "cam-9",
        "--visit",
        "v7",
        "--licence",
        "CC0-1.0",
        "--source",
        "phone",
    )
    run("learn", "import", "yolo-pose", tmp_path / "yolo", "--out", tmp_path / "new", *facts)
    made = read_dataset(tmp_path / "new")
    assert {(frame.store_id, frame.camera_id, frame.visit_ids) for frame in made.frames} == {
        ("kiosk", "cam-9", ("v7",))
    }
    assert [source.licence for source in made.sources] == ["CC0-1.0"]
    assert made.frames[0].mean_grey == pytest.approx(90, abs=1)
    assert (tmp_path / "new" / made.frames[0].file).is_file()
    with pytest.raises(InputError, match="there is a data set already"):
        run("learn", "import", "yolo-pose", tmp_path / "yolo", "--out", tmp_path / "new")
    with pytest.raises(InputError, match="no frame of it is one of this data set's"):
        bring_onto("coco", _coco(tmp_path, file_name="else.png"), folder)
    run("learn", "export", "skeletons", folder, "--out", tmp_path / "bones")
    assert not list((tmp_path / "bones").rglob("*.png"))
    assert read_dataset(tmp_path / "bones").frames[0].labels == small().frames[0].labels


def test_cvat_moves_boxes_along_straight_lines_between_keyframes(tmp_path: Path) -> None:
    shapes = [(0, 0.0, "0"), (4, 40.0, "0"), (6, 40.0, "1")]
    boxes = "".join(
        f'<box frame="{frame}" keyframe="1" outside="{outside}" xtl="{x}" ytl="1" xbr="{x + 10}" ybr="21"/>'
        for frame, x, outside in shapes
    )
    (tmp_path / "walk.xml").write_text(
        "<annotations><meta><task><name>walk.mp4</name><size>8</size><mode>interpolation</mode><original_size>"
        "<width>100</width><height>50</height></original_size></task></meta>"
        f'<track id="3" label="person">{boxes}</track></annotations>'
    )
    dataset, _ = FORMATS["cvat-video"].read(tmp_path / "walk.xml")
    assert [frame.labels[0].box_px if frame.labels else None for frame in dataset.frames] == [
        *(box(10 * at, 1, 10 * at + 10, 21) for at in range(5)),
        box(40, 1, 50, 21),
        None,
        None,
    ]
    assert dataset.frames[2].labels[0].track_id == "3"
    assert dataset.frames[0].sequence_id == "walk"


def test_a_joint_without_a_parent_is_of_the_smallest_box_around_it(tmp_path: Path) -> None:
    def region(kind: str, value: dict[str, Any], **more: str) -> dict[str, Any]:
        return {"type": kind, "value": value, "original_width": 100, "original_height": 100, **more}

    result = [
        region(
            "rectanglelabels",
            {"x": 0, "y": 0, "width": 90, "height": 90, "rectanglelabels": ["person"]},
            id="a",
        ),
        region(
            "rectanglelabels",
            {"x": 10, "y": 10, "width": 20, "height": 20, "rectanglelabels": ["person"]},
            id="b",
        ),
        region("keypointlabels", {"x": 15, "y": 15, "keypointlabels": ["nose"]}, id="c"),
    ]
    path = tmp_path / "tasks.json"
    path.write_text(json.dumps([{"data": {"image": "http://x/a.jpg"}, "annotations": [{"result": result}]}]))
    dataset, _ = FORMATS["label-studio"].read(path)
    large, inner = dataset.frames[0].labels
    assert not large.joints_px
    assert inner.joints_px[0] == (15.0, 15.0, 2)
    result[2]["value"]["x"] = 99
    path.write_text(json.dumps([{"data": {"image": "http://x/a.jpg"}, "annotations": [{"result": result}]}]))
    with pytest.raises(InputError, match="a nose outside of every box"):
        FORMATS["label-studio"].read(path)


# What is wrong


def _coco(folder: Path, **image: Any) -> Path:
    document = {
        "images": [{"id": 1, "file_name": "a.png", "width": 10, "height": 10} | image],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 3, 3]}],
        "categories": [{"id": 1, "name": "person"}],
    }
    path = folder / "wrong.json"
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize(
    ("name", "file", "text", "message"),
    [
        ("coco", "labels.json", "{", r"labels.json: not JSON"),
        ("coco", "labels.json", '{"images": [{"id": 1}]}', r"images\[0\].file_name|images\[0\].width"),
        ("coco", "labels.json", '{"images": [], "annotations": [{"image_id": 7}]}', "no such image.*found 7"),
        ("cvat", "a.xml", "<annotations>\n<image", r"a.xml:2: not XML"),
        ("cvat", "a.xml", "<html/>", "not labels of CVAT.*found 'html'"),
        ("cvat", "a.xml", '<!DOCTYPE x [<!ENTITY a "b">]><annotations/>', "not safe to read"),
        (
            "cvat",
            "a.xml",
            '<annotations><image name="a" width="?" height="3"/></annotations>',
            "image a: width",
        ),
        ("label-studio", "tasks.json", '[{"annotations": []}]', r"tasks\[0\].data"),
        ("label-studio", "tasks.json", "{}", r"field 'tasks': not a list"),
        ("mot", "walk/seqinfo.ini", "[Sequence]\nimWidth=a", "seqinfo.ini: wrong sequence"),
        ("yolo", "data.yaml", "names: [", r"data.yaml:1: not YAML"),
        ("yolo", "data.yaml", "names: 3", "no names of classes"),
    ],
)
def test_wrong_labels_are_one_sentence_that_says_where(
    name: str, file: str, text: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        FORMATS[name].read(tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.5 0.5 0.1", r"0001.txt:2: wrong label"),
        ("3 0.5 0.5 0.1 0.1", r"0001.txt:2: no such class; expected 0 to 1, found '3'"),
        ("0 0.5 nan 0.1 0.1", r"0001.txt:2: wrong label"),
    ],
)
def test_a_wrong_line_of_yolo_is_named(line: str, message: str, folder: Path, tmp_path: Path) -> None:
    export("yolo", folder, tmp_path / "yolo")
    path = tmp_path / "yolo" / "labels" / "pictures" / "0001.txt"
    path.write_text(f"0 0.5 0.5 0.2 0.2\n{line}\n")
    with pytest.raises(InputError, match=message):
        FORMATS["yolo"].read(tmp_path / "yolo")


def test_a_wrong_data_set_is_named_by_line_and_field(folder: Path) -> None:
    lines = (folder / "frames.jsonl").read_text().splitlines()
    (folder / "frames.jsonl").write_text(
        "\n".join([lines[0], lines[1].replace('"width_px":160', '"width_px":"?"')])
    )
    with pytest.raises(InputError, match=r"frames.jsonl:2: field 'width_px': Expected `int`, got `str`"):
        read_dataset(folder)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (FrameLabels(file="../a.png", width_px=1, height_px=1), "below the data set's folder"),
        (FrameLabels(file="a.png", width_px=0, height_px=1), "not a picture's size"),
        (FrameLabels(file="a.png", width_px=1, height_px=1, split="dev"), "no such split"),
        (FrameLabels(file="a.png", width_px=1, height_px=1, source="x"), "no such source"),
    ],
)
def test_nonsense_is_not_written(frame: FrameLabels, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        write_dataset(tmp_path, replace(small(), frames=(frame,)))
