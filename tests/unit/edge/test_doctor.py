from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest
from tests.contracts.doors import HOST

from openaisle.edge import doctor
from openaisle.edge.doctor import Finding, State, examine
from openaisle.sim.processor import Processor
from openaisle.sim.processor_http import ProcessorServer
from openaisle.store.load import store_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(store_folder("corner"), tmp_path / "corner"))


def found(findings: list[Finding], subject: str) -> Finding:
    return next(finding for finding in findings if finding.subject == subject)


def test_this_machine_can_run_a_shop(tmp_path: Path) -> None:
    findings = list(examine(None, tmp_path, 0))
    assert [
        finding for finding in findings if finding.state == State.WRONG and finding.subject != "fsync"
    ] == []
    assert {"python", "packages", "codec h264", "inference", "cores", "clock", "disk", "fsync"} <= {
        finding.subject for finding in findings
    }


def test_everything_that_is_not_well_says_what_to_do(folder: Path, tmp_path: Path) -> None:
    findings = list(examine(str(folder), tmp_path, 0))
    assert [finding for finding in findings if finding.state != State.OK and not finding.advice] == []


def test_a_dead_camera_a_dead_broker_and_a_taken_port_are_found(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_models", lambda: iter(()))
    (folder / "edge.toml").write_text('format = 1\n[broker]\nurl = "mqtt://127.0.0.1:9"\n')
    cameras = (folder / "cameras.toml").read_text()
    (folder / "cameras.toml").write_text(
        cameras.replace(
            "[[camera]]\n",
            '[[camera]]\nsource = "rtsp://ann:secret@127.0.0.1:9/s"\nmain_source = "rtsp://127.0.0.1:9/m"\n',
            1,
        )
    )
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        findings = list(examine(str(folder), tmp_path, port))
    assert found(findings, "broker").state == State.WRONG
    assert found(findings, f"port {port}").state == State.WARNING
    camera, main = (finding for finding in findings if finding.subject.startswith("camera "))
    assert main.subject == f"{camera.subject} main stream"
    assert camera.state == main.state == State.WRONG
    assert "refuses the connection" in camera.text
    assert "secret" not in camera.text


def test_a_shop_without_a_gallery_is_told_what_it_lacks(folder: Path, tmp_path: Path) -> None:
    gallery = found(list(examine(str(folder), tmp_path, 0)), "gallery")
    assert gallery.state == State.WARNING
    assert "enrol" in gallery.advice


def test_every_mistake_of_a_store_folder_is_a_finding(folder: Path, tmp_path: Path) -> None:
    text = (folder / "store.toml").read_text()
    (folder / "store.toml").write_text(
        text.replace('currency = "EUR"', 'currency = "EURO"').replace("format = 1", "")
    )
    findings = list(examine(str(folder), tmp_path, 0))
    assert sum(finding.subject == "store" and finding.state == State.WRONG for finding in findings) >= 2


def test_a_card_reader_that_the_processor_does_not_answer_for_is_found(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_models", lambda: iter(()))
    assert found(list(examine(str(folder), tmp_path, 0)), "payments").state == State.WARNING
    (folder / "stripe.key").write_text("sk_test_1\n")
    there = Processor(lambda: 1)
    server = ProcessorServer(there, lambda: 1)
    (folder / "edge.toml").write_text(
        f'format = 1\n[payments]\nprocessor = "stripe"\nkey_file = "stripe.key"\nwebhook_key_file = "stripe.key"\n'
        f'url = "{server.url}"\n[gates.readers]\nentry = "tmr_1"\n'
    )
    assert found(list(examine(str(folder), tmp_path, 0)), "card reader entry").state == State.OK
    there.down_until_ns = 2
    assert found(list(examine(str(folder), tmp_path, 0)), "card reader entry").state == State.WRONG
    server.close()
