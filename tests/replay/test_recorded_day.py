"""A simulated day that was recorded and replayed is the day itself, to the byte, and scores the same."""

import json
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from openaisle.adapters.event_log_sqlite import MemoryEventLog
from openaisle.cli import build_app
from openaisle.core.messages import FloorTracks, Reading, decode_json, encode, encode_json
from openaisle.pipeline import Pipeline
from openaisle.replay.player import Replayed, play
from openaisle.replay.recording import Recording, RecordingWriter, arrival_key
from openaisle.replay.run import run
from openaisle.replay.score import score
from openaisle.replay.truth import DayTruth, truth_of_simulation
from openaisle.sim.day import SimulatedDay
from openaisle.sim.scripts import plan_day
from openaisle.store.load import load_store
from openaisle.store.schema import Store


class Day:
    """Two shoppers in the demo shop, seen as skeletons, while it happens and as a recording."""

    def __init__(self, folder: Path) -> None:
        self.store: Store = load_store("corner")
        plan = plan_day(self.store, visit_count=2, seed=5, families=("single_pick", "put_back_right"))
        day = SimulatedDay(self.store, plan, vision="skeleton")
        self.readings: list[Reading] = list(day.readings())
        self.truth: DayTruth = truth_of_simulation(day.shop.truth)
        self.log = MemoryEventLog()
        self.live: Replayed = play(self.readings, Pipeline(self.store, self.log))
        self.folder = folder
        with RecordingWriter(folder, self.store, {"seed": "5"}) as writer:
            for reading in self.readings:
                writer.write(reading)
            self.truth.write(writer.truth_folder)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    return Day(tmp_path_factory.mktemp("recorded") / "day")


def test_every_reading_is_recorded_bit_for_bit(day: Day) -> None:
    # JSON says nothing of the width of an array without rows: of looks that nobody had.
    expected = [decode_json(encode_json(reading)) for reading in sorted(day.readings, key=arrival_key)]
    found = list(Recording.open(day.folder).readings())
    assert [encode(reading) for reading in found] == [encode(reading) for reading in expected]


def test_a_replay_writes_the_same_log_as_the_day_itself(day: Day) -> None:
    log = MemoryEventLog()
    run(Recording.open(day.folder), log)
    assert log.digest() == day.log.digest()
    assert len(list(log.read())) > 4


def test_a_day_scored_from_its_recording_scores_as_it_did_live(day: Day) -> None:
    live = score(
        day.truth, day.live.receipts, day.live.cart_events, day.live.of(FloorTracks), day.live.reviews
    )
    result = CliRunner().invoke(build_app(), ["score", str(day.folder), "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found.pop("event_log_digest") == day.log.digest()
    assert found == msgspec.to_builtins(live)


def test_every_visit_has_one_receipt(day: Day) -> None:
    visits = sorted(visit.visit_id for visit in day.truth.visits)
    assert sorted(receipt.visit_id for receipt in day.live.receipts) == visits


def test_a_day_without_truth_cannot_be_scored(day: Day, tmp_path: Path) -> None:
    with RecordingWriter(tmp_path / "day", day.store):
        pass
    result = CliRunner().invoke(build_app(), ["score", str(tmp_path / "day")])
    assert "has no truth to be scored against" in str(result.exception)


def test_a_line_is_explained_on_a_page_that_names_what_and_who(day: Day, tmp_path: Path) -> None:
    receipt = next(receipt for receipt in day.live.receipts if receipt.lines)
    line = receipt.lines[0]
    page = tmp_path / "why.html"
    wanted = f"{receipt.visit_id}/{line.product_id}"
    result = CliRunner().invoke(build_app(), ["explain", str(day.folder), wanted, "--out", str(page)])
    assert result.exit_code == 0, result.output
    text = page.read_text()
    assert line.name.replace("&", "&amp;").replace("'", "&#x27;") in text
    assert "this shopper took" in text
    assert "<polyline" in text  # the plates
    assert '"joints"' in text  # the skeletons


def test_a_line_is_explained_in_the_readers_language(day: Day, tmp_path: Path) -> None:
    receipt = next(receipt for receipt in day.live.receipts if receipt.lines)
    wanted = f"{receipt.visit_id}/{receipt.lines[0].product_id}"
    page = tmp_path / "why.html"
    asked = ["explain", str(day.folder), wanted, "--out", str(page), "--language"]
    assert CliRunner().invoke(build_app(), [*asked, "ar"]).exit_code == 0
    text = page.read_text()
    assert '<html lang="ar" dir="rtl">' in text
    assert "هذا المتسوق أخذ" in text
    assert "shopper" not in text
    result = CliRunner().invoke(build_app(), [*asked, "eo"])
    assert "expected en, de, fr, es, ar" in str(result.exception)


def test_explaining_a_line_that_is_not_there_says_which_are(day: Day, tmp_path: Path) -> None:
    receipt = next(receipt for receipt in day.live.receipts if receipt.lines)
    asked = ["explain", str(day.folder), f"{receipt.visit_id}/nothing", "--out", str(tmp_path / "why.html")]
    result = CliRunner().invoke(build_app(), asked)
    assert result.exit_code != 0
    assert (receipt.lines[0].gtin or receipt.lines[0].product_id) in str(result.exception)
