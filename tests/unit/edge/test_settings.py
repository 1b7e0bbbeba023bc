from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from openaisle.core.errors import StoreError
from openaisle.edge.settings import EdgeSettings, load_edge_settings
from openaisle.store.load import store_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(store_folder("corner"), tmp_path / "corner"))


def test_a_store_without_edge_toml_listens_on_loopback_with_a_broker_of_its_own(folder: Path) -> None:
    assert load_edge_settings(folder) == EdgeSettings()
    assert EdgeSettings().broker is None
    assert EdgeSettings().gate_host == "127.0.0.1"


def test_everything_an_edge_toml_may_say_is_understood(folder: Path) -> None:
    for name in ("ca.pem", "shop.pem", "shop.key", "password", "entry.pub"):
        (folder / name).write_text("x")
    (folder / "nets").mkdir()
    (folder / "edge.toml").write_text(
        """
        format = 1
        [broker]
        url = "mqtts://broker.shop:8884"
        username = "edge"
        password_file = "password"
        ca_file = "ca.pem"
        certificate_file = "shop.pem"
        key_file = "shop.key"
        [gates]
        listen = "10.0.0.5:8090"
        public_key_file = "entry.pub"
        [gates.scanners]
        entry = "keyboard:/dev/input/by-id/scanner-event-kbd"
        [pages]
        listen = "10.0.0.5:8443"
        certificate_file = "shop.pem"
        key_file = "shop.key"
        reasons_days = 3
        [mail]
        server = "smtp.shop:587"
        sender = "receipts@shop"
        username = "shop"
        password_file = "password"
        [cameras]
        time = "arrival"
        latency_ms = 90.0
        [vision]
        workers = 2
        weights = "nets"
        providers = ["cpu"]
        precision = "bf16"
        threads = 2
        """
    )
    settings = load_edge_settings(folder)
    assert settings.broker is not None
    assert settings.mail is not None
    assert (settings.mail.host, settings.mail.port, settings.mail.security) == ("smtp.shop", 587, "starttls")
    assert settings.reasons_days == 3
    assert (settings.broker.host, settings.broker.port, settings.broker.is_encrypted) == (
        "broker.shop",
        8884,
        True,
    )
    assert settings.broker.key_file == folder / "shop.key"
    assert (settings.gate_host, settings.gate_port) == ("10.0.0.5", 8090)
    assert settings.scanners == {"entry": "keyboard:/dev/input/by-id/scanner-event-kbd"}
    assert (settings.pages_host, settings.pages_port) == ("10.0.0.5", 8443)
    assert settings.pages_certificate == folder / "shop.pem"
    assert settings.entry_public_key == folder / "entry.pub"
    assert not settings.trusts_embedded_time
    assert settings.camera_latency_ns == 90_000_000
    assert (settings.vision_workers, settings.runtime.threads) == (2, 2)
    assert (settings.runtime.providers, settings.runtime.precision) == (("cpu",), "bf16")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[vision]\nproviders = ['abacus']", ["edge.toml:3", "vision.providers", "some of: cpu", "abacus"]),
        ("[vision]\nprecision = 'int4'", ["edge.toml:3", "vision.precision"]),
        ("[broker]\nurl = 'http://x'", ["edge.toml:3", "broker.url", "mqtt://host:1883"]),
        ("[broker]\nurl = 'mqtt://user:secret@x'", ["broker.url"]),
        (
            "[broker]\nurl = 'mqtt://x'\nca_file = 'none.pem'",
            ["edge.toml:4", "broker.ca_file", "no such file"],
        ),
        ("[broker]\nurl = 'mqtt://x'\ncertificate_file = 'edge.toml'", ["certificate_file and key_file"]),
        ("[gates]\nlisten = '8090'", ["edge.toml:3", "gates.listen", "host:port"]),
        ("[gates.scanners]\nentry = 'usb:x'", ["edge.toml:3", "gates.scanners.entry", "keyboard:..."]),
        ("[pages]\nlisten = 'x'", ["pages.listen", "host:port"]),
        ("[pages]\ncertificate_file = 'edge.toml'", ["certificate_file and key_file"]),
        ("[cameras]\nlatency_ms = -1.0", ["cameras.latency_ms"]),
        ("[cameras]\ntime = 'guess'", ["cameras.time", "embedded"]),
        ("[vision]\nworkers = 0", ["vision.workers"]),
        ("[pages]\nreasons_days = 365", ["pages.reasons_days"]),
        ("[mail]\nserver = 'smtp.shop'\nsender = 'a@b'", ["edge.toml:3", "mail.server", "host:port"]),
        ("[mail]\nserver = 'smtp.shop:25'", ["edge.toml", "mail", "sender = name@host"]),
        (
            "[mail]\nserver = 'smtp.shop:25'\nsender = 'a@b'\nsecurity = 'none'",
            ["mail.security", "in the clear", "smtp.shop"],
        ),
        ("[vision]\nworker = 2", ["vision.worker", "'workers'"]),
        ("[vison]\nworkers = 2", ["unknown field", "'vision'"]),
        ("[broker", ["not TOML"]),
    ],
)
def test_a_mistake_is_named_with_its_line_field_and_what_was_expected(
    folder: Path, text: str, words: list[str]
) -> None:
    (folder / "edge.toml").write_text(f"format = 1\n{text}\n")
    with pytest.raises(StoreError) as refused:
        load_edge_settings(folder)
    for word in words:
        assert word in str(refused.value)


def test_all_mistakes_are_named_at_once(folder: Path) -> None:
    (folder / "edge.toml").write_text("format = 1\n[gates]\nlisten = '1'\n[vision]\nworkers = 0\n")
    with pytest.raises(StoreError) as refused:
        load_edge_settings(folder)
    assert len(refused.value.problems) == 2
