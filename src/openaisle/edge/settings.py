"""What a live shop is started with: the optional `edge.toml` of a store folder, and what the command line adds.

`edge.toml` names what is outside: the broker, where gates connect, how cameras tell time. Without it a shop listens on
loopback only, with a broker of its own. docs/FORMATS.md describes every field. Paths in it are relative to the folder.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import Field

from openaisle.adapters.eyes import Eyes
from openaisle.adapters.mail_smtp import SmtpSettings
from openaisle.adapters.model_files import weights_of
from openaisle.adapters.mqtt import BrokerSettings
from openaisle.core.errors import ModelError, StoreError
from openaisle.core.messages import CameraId
from openaisle.core.units import NS_PER_MS
from openaisle.detections.models import PEOPLE
from openaisle.detections.runtime import SHIPPED, RuntimeSettings, resolved_providers
from openaisle.store.load import load_store, store_folder
from openaisle.store.rows import Row
from openaisle.store.schema import Store
from openaisle.store.tables import TomlFile

EDGE_FILE: Final = "edge.toml"
_EDGE_KEYS: Final = ("format", "broker", "gates", "cameras", "vision", "pages", "payments", "pos", "mail")
_BROKER_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
LOOPBACK: Final = "127.0.0.1"
LEDGER: Final = "ledger.sqlite"
"""In the state folder."""
SCANNERS: Final = ("keyboard", "serial", "camera")
HOLD_MINOR: Final = 5_000
REASONS_DAYS: Final = 14
RowT = TypeVar("RowT", bound=Row)


class BrokerRow(Row):
    """[broker]: where scales and gates publish. Passwords and keys are files, so that this one can be shown."""

    url: str = ""  # mqtt://host:1883 or mqtts://host:8883; "" = one of our own on loopback
    username: str = ""
    password_file: str = ""
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""


class GatesRow(Row):
    """[gates]"""

    listen: str = ""  # host:port where gates post codes; "" = loopback, any free port
    public_key_file: str = (
        ""  # of whoever issues codes; "" = entry.pub in the state folder, made at the first start
    )
    # What reads codes by itself, by gate: keyboard:PATH, serial:PATH or camera:URL.
    scanners: dict[str, str] = Field(default_factory=dict)
    # Card readers by gate, as the processor names them: tmr_... (Stripe alone).
    readers: dict[str, str] = Field(default_factory=dict)
    badges: bool = False  # whether what is read and is no code may be the number of an account's badge


class PagesRow(Row):
    """[pages]"""

    listen: str = ""  # host:port for phones and staff; "" = loopback, at --port
    certificate_file: str = ""  # PEM, both or none: HTTPS, without which no phone installs the page
    key_file: str = ""
    # For so long reviewers see plates and skeletons about a decision; 0: they are not kept.
    reasons_days: Annotated[int, Field(ge=0, le=90)] = REASONS_DAYS


class CamerasRow(Row):
    """[cameras]"""

    time: Literal["arrival", "embedded"] = (
        "embedded"  # embedded: MISB ST 0604 time stamps where a stream has them
    )
    latency_ms: Annotated[float, Field(ge=0, le=5000, allow_inf_nan=False)] = 60.0  # from light to arrival


class VisionRow(Row):
    """[vision]"""

    workers: Annotated[int, Field(ge=1, le=64)] = 1  # processes; cameras are dealt out among them
    model: str = PEOPLE  # who finds people, by name
    boxes: str = PEOPLE  # who finds them for a model that finds joints in boxes
    hands: str = ""  # who moves wrists to where hands begin; "" = nobody
    actions: str = ""  # who names what hands do in clips, beside our own network of joints; "" = nobody
    weights: str = ""  # folder of the networks; "" = those that come with OpenAisle
    providers: list[str] = Field(["cpu"], min_length=1)  # cpu, openvino, cuda, tensorrt: best first
    precision: Literal["auto", "f32", "bf16", "f16", "int8"] = "auto"  # see detections/runtime.py
    threads: Annotated[int, Field(ge=1, le=64)] = 1  # of one network


class PaymentsRow(Row):
    """[payments]: who moves the money. Keys are files, so that this one can be shown."""

    processor: Literal["stripe", "adyen", "square"] | None = None
    key_file: str = ""
    webhook_key_file: str = ""  # what webhooks are signed with
    account: str = ""  # Adyen's merchant account, Square's location
    url: str = ""  # of the API; "" = the processor's own
    webhook_url: str = ""  # Square: the address that it sends to, part of what it signs
    # What a bank must hold on a card that is tapped at a gate, in the currency's smallest unit.
    hold_minor: Annotated[int, Field(ge=1, le=10_000_000)] = HOLD_MINOR
    desk_reader: str = ""  # Stripe: the card reader at the counter


class PosRow(Row):
    """[pos]"""

    poslog_folder: str = ""  # where finished sales are written as POSLog; "" = nowhere


class MailRow(Row):
    """[mail]: receipts to those who want them so."""

    server: str = ""  # host:port
    sender: str = ""
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password_file: str = ""
    ca_file: str = ""


@dataclass(frozen=True, kw_only=True)
class PaymentsSettings:
    """[payments], checked."""

    processor: Literal["stripe", "adyen", "square"]
    key_file: Path
    webhook_key_file: Path
    account: str = ""
    url: str = ""
    webhook_url: str = ""
    hold_minor: int = HOLD_MINOR
    desk_reader: str = ""


@dataclass(frozen=True, kw_only=True)
class EdgeSettings:
    """edge.toml, checked."""

    broker: BrokerSettings | None = None  # None: start one on loopback
    gate_host: str = LOOPBACK
    gate_port: int = 0  # 0: any free port
    entry_public_key: Path | None = None
    scanners: Mapping[str, str] = field(default_factory=dict)  # kind:source by gate
    readers: Mapping[str, str] = field(default_factory=dict)  # of cards, by gate
    takes_badges: bool = False
    pages_host: str = LOOPBACK
    pages_port: int = 0  # 0: as the command line says
    pages_certificate: Path | None = None
    pages_key: Path | None = None
    reasons_days: int = REASONS_DAYS
    trusts_embedded_time: bool = True
    camera_latency_ns: int = 60_000_000
    vision_workers: int = 1
    runtime: RuntimeSettings = field(default_factory=RuntimeSettings)
    eyes: Eyes = field(default_factory=Eyes)
    payments: PaymentsSettings | None = None  # None: somebody else collects the money
    poslog_folder: Path | None = None
    mail: SmtpSettings | None = None  # None: no receipts by mail


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """The simulator in place of hardware."""

    visits: int  # 0: one after another, without end
    seed: int
    families: tuple[str, ...] = ()  # () = mixed
    fps: float = 8.0


@dataclass(frozen=True, kw_only=True)
class ShopSettings:
    """Everything `edge.supervisor.run_shop` needs to know. Travels to every process."""

    store_name: str  # a shipped name or a folder
    state_folder: Path
    port: int = 8080  # of the pages
    is_headless: bool = False  # no pages
    record_folder: Path | None = None
    duration_s: float | None = None
    camera_count: int | None = None  # only the first of the store's cameras
    camera_sources: Mapping[CameraId, str] = field(default_factory=dict)  # instead of the store's own
    edge: EdgeSettings = field(default_factory=EdgeSettings)
    simulation: Simulation | None = None

    @property
    def is_simulated(self) -> bool:
        return self.simulation is not None

    @property
    def pages_address(self) -> tuple[str, int]:
        """Where the pages listen."""
        return self.edge.pages_host, self.edge.pages_port or self.port

    @property
    def errors_file(self) -> Path:
        """Where the supervisor writes the tracebacks of bugs. Outside a state folder that does not last."""
        if self.is_simulated:
            return Path(tempfile.gettempdir()) / "openaisle-errors.log"
        return self.state_folder / "errors.log"

    @property
    def truth_folder(self) -> Path:
        """Where the simulator writes what really happened, for the score."""
        return self.state_folder / "truth"

    @property
    def about(self) -> dict[str, str]:
        """What a recording's manifest says of where it came from."""
        if self.simulation is None:
            return {"command": "run"}
        families = ",".join(self.simulation.families) or "mixed"
        return {"command": "demo", "seed": str(self.simulation.seed), "families": families}

    def store(self) -> Store:
        """The store as this run has it: with the chosen cameras and their sources."""
        store = load_store(self.store_name)
        cameras = store.cameras[: self.camera_count]
        fps = self.simulation.fps if self.simulation else None
        return replace(
            store,
            cameras=tuple(
                replace(
                    camera,
                    source=self.camera_sources.get(camera.camera_id, camera.source),
                    fps=fps or camera.fps,
                )
                for camera in cameras
            ),
        )


def load_edge_settings(store_name: str | Path) -> EdgeSettings:
    """The store folder's edge.toml; what it does not say is as in `EdgeSettings`. StoreError naming every problem."""
    folder = store_folder(store_name)
    if not (folder / EDGE_FILE).exists():
        return EdgeSettings()
    problems: list[StoreError] = []
    toml = TomlFile.read(folder, EDGE_FILE, _EDGE_KEYS, problems)
    if toml is None:
        raise StoreError.of_problems(str(store_name), problems)

    reader = _Reader(toml, folder)
    broker, gates = reader.row(BrokerRow, "broker"), reader.row(GatesRow, "gates")
    payments, pos = reader.row(PaymentsRow, "payments"), reader.row(PosRow, "pos")
    cameras, vision = reader.row(CamerasRow, "cameras"), reader.row(VisionRow, "vision")
    pages = reader.row(PagesRow, "pages")
    gate_host, gate_port = reader.listen("gates", gates.listen)
    pages_host, pages_port = reader.listen("pages", pages.listen)
    reader.both("pages", pages.certificate_file, pages.key_file)
    settings = EdgeSettings(
        broker=reader.broker(broker) if broker.url else None,
        gate_host=gate_host,
        gate_port=gate_port,
        entry_public_key=reader.file("gates", "public_key_file", gates.public_key_file),
        scanners=reader.scanners(gates.scanners),
        readers=reader.readers(gates.readers, payments),
        takes_badges=gates.badges,
        pages_host=pages_host,
        pages_port=pages_port,
        pages_certificate=reader.file("pages", "certificate_file", pages.certificate_file),
        pages_key=reader.file("pages", "key_file", pages.key_file),
        reasons_days=pages.reasons_days,
        trusts_embedded_time=cameras.time == "embedded",
        camera_latency_ns=round(cameras.latency_ms * NS_PER_MS),
        vision_workers=vision.workers,
        runtime=reader.runtime(vision),
        eyes=reader.eyes(vision),
        payments=reader.payments(payments) if "payments" in toml.document else None,
        poslog_folder=folder / pos.poslog_folder if pos.poslog_folder else None,
        mail=reader.mail(reader.row(MailRow, "mail")) if "mail" in toml.document else None,
    )
    if problems:
        raise StoreError.of_problems(str(store_name), problems)
    return settings


@dataclass(frozen=True)
class _Reader:
    """Tables of one edge.toml; what is wrong goes to the file's problems."""

    toml: TomlFile
    folder: Path

    def row(self, kind: type[RowT], name: str) -> RowT:
        read = self.toml.row(kind, (name,)) if name in self.toml.document else None
        return read or kind()

    def file(self, table: str, key: str, name: str) -> Path | None:
        if not name:
            return None
        path = self.folder / name
        if not path.is_file():
            self.toml.report("there is no such file", (table, key), expected="a file", found=name)
        return path

    def runtime(self, row: VisionRow) -> RuntimeSettings:
        weights = self.folder / row.weights if row.weights else SHIPPED
        if not weights.is_dir():
            self.toml.report("there is no such folder", ("vision", "weights"), found=row.weights)
        settings = RuntimeSettings(
            threads=row.threads, providers=tuple(row.providers), precision=row.precision, weights=weights
        )
        try:
            resolved_providers(settings)
        except ModelError as error:
            self.toml.report(
                error.message, ("vision", "providers"), expected=error.expected, found=error.found
            )
        return settings

    def eyes(self, row: VisionRow) -> Eyes:
        """Names only: whether the files are what they should be, `openaisle doctor` and the worker say."""
        for key in ("model", "boxes", "hands", "actions"):
            name: str = getattr(row, key)
            if name in ("", PEOPLE):
                continue
            try:
                path = weights_of(name, self.folder) / f"{name}.onnx"
            except ModelError as error:
                self.toml.report(error.message, ("vision", key), expected=error.expected, found=name)
                continue
            if not path.is_file():
                expected = f"{PEOPLE}, or a model that `openaisle models list` has"
                self.toml.report("no such model", ("vision", key), expected=expected, found=name)
        return Eyes(model=row.model, boxes=row.boxes, hands=row.hands, actions=row.actions, store=self.folder)

    def payments(self, row: PaymentsRow) -> PaymentsSettings | None:
        wanted = {"processor", "key_file", "webhook_key_file"}
        wanted |= {"adyen": {"account"}, "square": {"account", "webhook_url"}}.get(row.processor or "", set())
        missing = sorted(name for name in wanted if not getattr(row, name))
        if missing:
            expected = ", ".join(sorted(wanted))
            self.toml.report("something is missing", ("payments",), expected=expected, found=missing)
            return None
        key_file = self.file("payments", "key_file", row.key_file)
        webhook_key_file = self.file("payments", "webhook_key_file", row.webhook_key_file)
        assert row.processor is not None
        assert key_file is not None
        assert webhook_key_file is not None
        return PaymentsSettings(
            processor=row.processor,
            key_file=key_file,
            webhook_key_file=webhook_key_file,
            account=row.account,
            url=row.url,
            webhook_url=row.webhook_url,
            hold_minor=row.hold_minor,
            desk_reader=row.desk_reader,
        )

    def readers(self, wanted: Mapping[str, str], row: PaymentsRow) -> Mapping[str, str]:
        if (wanted or row.desk_reader) and row.processor != "stripe":
            self.toml.report(
                "card readers without Stripe",
                ("gates", "readers") if wanted else ("payments", "desk_reader"),
                expected='processor = "stripe" in [payments]',
                found=row.processor,
            )
        return wanted

    def scanners(self, wanted: Mapping[str, str]) -> Mapping[str, str]:
        for gate_id, text in wanted.items():
            kind, _, source = text.partition(":")
            if kind not in SCANNERS or not source:
                expected = ", ".join(f"{name}:..." for name in SCANNERS)
                self.toml.report("wrong value", ("gates", "scanners", gate_id), expected=expected, found=text)
        return wanted

    def both(self, table: str, certificate_file: str, key_file: str) -> None:
        if bool(certificate_file) != bool(key_file):
            self.toml.report("one without the other", (table,), expected="certificate_file and key_file")

    def listen(self, table: str, text: str, key: str = "listen") -> tuple[str, int]:
        if not text:
            return LOOPBACK, 0
        host, _, port = text.rpartition(":")
        if not host or not port.isdecimal() or not 0 <= int(port) <= 65535:
            self.toml.report("wrong value", (table, key), expected="host:port", found=text)
            return LOOPBACK, 0
        return host, int(port)

    def mail(self, row: MailRow) -> SmtpSettings | None:
        host, port = self.listen("mail", row.server, key="server")
        is_sender = re.fullmatch(r"[^@\s]+@[^@\s]+", row.sender)
        if not row.server or not is_sender:
            expected = "server = host:port and sender = name@host"
            self.toml.report("something is missing", ("mail",), expected=expected)
            return None
        if row.security == "none" and host not in (LOOPBACK, "localhost"):
            expected = "starttls or tls, or a server on this machine"
            self.toml.report(
                "would be sent in the clear", ("mail", "security"), expected=expected, found=host
            )
        if bool(row.username) != bool(row.password_file):
            self.toml.report("one without the other", ("mail",), expected="username and password_file")
        return SmtpSettings(
            host=host,
            port=port,
            sender=row.sender,
            security=row.security,
            username=row.username,
            password_file=self.file("mail", "password_file", row.password_file),
            ca_file=self.file("mail", "ca_file", row.ca_file),
        )

    def broker(self, row: BrokerRow) -> BrokerSettings | None:
        try:
            url = urlsplit(row.url)
            host, port = url.hostname or "", url.port or _BROKER_PORTS.get(url.scheme, 0)
        except ValueError:
            url, host, port = urlsplit(""), "", 0
        if url.scheme not in _BROKER_PORTS or not host or url.path not in ("", "/") or url.username:
            expected = "mqtt://host:1883 or mqtts://host:8883"
            self.toml.report("wrong value", ("broker", "url"), expected=expected, found=row.url)
            return None
        self.both("broker", row.certificate_file, row.key_file)
        return BrokerSettings(
            host=host,
            port=port,
            is_encrypted=url.scheme == "mqtts",
            username=row.username,
            password_file=self.file("broker", "password_file", row.password_file),
            ca_file=self.file("broker", "ca_file", row.ca_file),
            certificate_file=self.file("broker", "certificate_file", row.certificate_file),
            key_file=self.file("broker", "key_file", row.key_file),
        )
