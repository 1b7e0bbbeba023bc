"""Scripts acted in a session's shop are sessions of that format, and are read as such."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.cps2020.sessions import padded, placement, plate_line, product, write_session

from openaisle.adapters.cps2020 import read_session
from openaisle.bench.ablations import ABLATIONS
from openaisle.bench.cps2020 import ScriptScore, run_scripts, score_script
from openaisle.bench.cps2020_export import act
from openaisle.bench.cps2020_scripts import KINDS
from openaisle.core.errors import InputError
from openaisle.core.messages import BodySkeletons, ScaleBatch
from openaisle.interactions.settings import Settings


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small shop: one gondola of twelve plates and two boards."""
    goods = {"049000042566": 371.0, "071142008582": 621.7, "028400040037": 210.0, "012000181139": 450.0}
    ids = list(goods)
    return write_session(
        tmp_path_factory.mktemp("cps2020") / "session",
        plates=[plate_line(1, 0.2 * n, padded(12, 2, 12)) for n in range(3)],
        planogram=[
            placement(1, 1 + rank // 2, list(range(1 + 6 * (rank % 2), 7 + 6 * (rank % 2))), product_id)
            for rank, product_id in enumerate(ids)
        ],
        products=[product(product_id, mass_g) for product_id, mass_g in goods.items()],
    )


def test_an_acted_script_is_a_session_with_the_real_ones_quirks(session: Path, tmp_path: Path) -> None:
    store = read_session(session).store
    acted = act(session, store, "single", KINDS["single"], 9000, tmp_path / "acted")
    read = read_session(acted.folder)
    batches = [reading for reading in read.readings if isinstance(reading, ScaleBatch)]
    bodies = [reading for reading in read.readings if isinstance(reading, BodySkeletons)]
    assert {len(batch.grams) for batch in batches} == {12}
    assert len(read.store.gondolas[0].plates) == 24  # padding and channels without a plate are left out
    assert len({batch.sequence for batch in batches}) <= len(batches)
    assert all(body.received_ns - body.captured_ns > 2e9 for body in bodies)
    assert {body_id for body in bodies for body_id in body.body_ids} == set(acted.truth)
    assert sum(sum(basket.values()) for basket in acted.truth.values()) >= 1


def test_a_single_pick_is_billed_to_whoever_took_it(session: Path, tmp_path: Path) -> None:
    store = read_session(session).store
    acted = act(session, store, "single", KINDS["single"], 9001, tmp_path / "acted")
    score = score_script(acted, tmp_path / "recording")
    assert (score.f1, score.wrong_lines, score.missing) == (1.0, 0, 0)


def test_scores_count_lines_billed_to_the_wrong_person() -> None:
    score = ScriptScore("k", 1, 2, 1, 1, 1, 2, 1, 10.0, 1.0, {}, {})
    assert score.f1 == pytest.approx(0.5)


def test_an_unknown_kind_of_script_is_an_error_that_names_the_kinds(session: Path) -> None:
    with pytest.raises(InputError, match="exchange"):
        run_scripts(session, ["no such"], 1, 9000)


def test_every_ablation_but_the_first_changes_something() -> None:
    every = [change(Settings()) for change in ABLATIONS.values()]
    assert every[0] == Settings()
    assert all(settings != Settings() for settings in every[1:])
