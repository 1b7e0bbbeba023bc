"""One real session of a real checkout-free shop, from its files to its official receipt."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

OFFICIAL = {"071142008582": 1}


@pytest.fixture(scope="module")
def recording(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = shared_data / "cps_iot_2020_benchmark1"
    if not folder.is_dir():
        pytest.skip(f"no session at {folder}")
    out = tmp_path_factory.mktemp("cps2020") / "session"
    openaisle("import", "cps2020", str(folder), "--out", str(out))
    return out


def openaisle(*words: str, hash_seed: str = "0") -> str:
    command = [sys.executable, "-c", "from openaisle.cli import main; main()", *words]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def reports(recording: Path) -> list[dict]:
    """The same recording replayed in two processes, under two hash seeds."""
    return [json.loads(openaisle("replay", str(recording), "--json", hash_seed=seed)) for seed in ("1", "2")]


def test_the_official_receipt_comes_out_and_nothing_else(recording: Path, tmp_path: Path) -> None:
    openaisle("replay", str(recording), "--receipts", str(tmp_path / "receipts.json"))
    receipts = json.loads((tmp_path / "receipts.json").read_text())
    assert list(receipts.values()) == [OFFICIAL]


def test_there_is_one_cart_event_soon_after_the_plates_edge(reports: list[dict]) -> None:
    (event,) = reports[0]["cart_events"]
    assert [(line["product_id"], line["quantity"]) for line in event["lines"]] == [("071142008582", 1)]
    assert 0 < event["edge_to_cart_ms"] < 500
    assert reports[0]["reviews"] == []


def test_two_processes_under_two_hash_seeds_write_the_same_log(reports: list[dict]) -> None:
    assert reports[0]["event_log_digest"] == reports[1]["event_log_digest"]
    assert reports[0] == reports[1]


def test_a_kept_log_is_what_a_later_replay_is_compared_with(recording: Path, tmp_path: Path) -> None:
    log = str(tmp_path / "log.sqlite")
    openaisle("replay", str(recording), "--log", log)
    report = json.loads(openaisle("replay", str(recording), "--against", log, "--json"))
    assert report["equals_reference"] is True
