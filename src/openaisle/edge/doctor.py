"""What is missing or wrong on this machine and in this store, one finding a line, each with what to do."""

from __future__ import annotations

import ctypes
import hashlib
import importlib
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import psutil

from openaisle.core.errors import OpenAisleError, StoreError
from openaisle.edge.settings import LOOPBACK, EdgeSettings, load_edge_settings
from openaisle.store.load import load_store, store_folder
from openaisle.store.schema import Camera, Store


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing looked at."""

    subject: str
    state: State
    text: str
    advice: str = ""


PACKAGES: Final = (
    "numpy", "scipy", "numba", "cv2", "onnxruntime", "av", "msgspec", "pydantic", "fastapi", "uvicorn", "paho.mqtt",
    "cryptography", "shapely", "segno", "prometheus_client",
)  # fmt: skip
DEMO_PACKAGES: Final = (("amqtt", "demo", "the embedded broker"), ("jupedsim", "sim", "simulated shoppers"))
PYTHON: Final = ((3, 11), (3, 14))
MEMORY_GB_MIN: Final = 2.0
DISK_GB_MIN: Final = 2.0
FSYNC_MS: Final = (25.0, 250.0)  # p99: above the first a warning, above the second wrong
FSYNCS: Final = 30
CAMERA_S: Final = 6.0
BROKER_S: Final = 4.0
CAMERAS_AT_ONCE: Final = 16
YEAR_MIN: Final = 2025
CHECKSUMS: Final = "SHA256SUMS"
_TIME_ERROR: Final = 5  # adjtimex(2): the clock is not synchronised

Check = Callable[[], Iterator[Finding]]


def examine(store_name: str | None, state_folder: Path | None, port: int) -> Iterator[Finding]:
    """All findings: of the machine, and of a store if one is named. Touches nothing but a scratch file."""
    for check in (_python, _packages, _compiled, _video, _models, _machine, _clock):
        yield from check()
    folder = state_folder or Path(tempfile.gettempdir())
    yield from _disk(folder)
    yield _port(LOOPBACK, port, "pages", "--port")
    if store_name is not None:
        yield from _store(store_name)


# --- the machine --------------------------------------------------------------------------------------------------


def _python() -> Iterator[Finding]:
    version = sys.version_info[:2]
    text = f"{version[0]}.{version[1]}.{sys.version_info.micro}"
    is_known = PYTHON[0] <= version < PYTHON[1]
    yield Finding(
        subject="python",
        state=State.OK if is_known else State.WRONG,
        text=text,
        advice="" if is_known else "use Python 3.11, 3.12 or 3.13",
    )


def _packages() -> Iterator[Finding]:
    missing: list[str] = []
    for name in PACKAGES:
        try:
            importlib.import_module(name)
        except ImportError as error:
            missing.append(f"{name} ({error})")
    if missing:
        yield _wrong(
            "packages", "cannot be imported: " + ", ".join(missing), "build the environment again: make venv"
        )
    else:
        yield _ok("packages", f"all {len(PACKAGES)} can be imported")
    for name, extra, use in DEMO_PACKAGES:
        try:
            importlib.import_module(name)
            yield _ok(name, f"there, for {use}")
        except ImportError:
            yield _warning(
                name, f"missing: no {use}", f"pip install 'openaisle[{extra}]' if a demo is wanted"
            )


def _compiled() -> Iterator[Finding]:
    """Where numba keeps what it compiled: without it every start takes a minute."""
    import openaisle

    folder = os.environ.get("NUMBA_CACHE_DIR") or str(Path(openaisle.__file__).parent)
    if os.access(folder, os.W_OK):
        yield _ok("compiled code", f"can be kept in {folder}")
    else:
        yield _warning(
            "compiled code", f"{folder} cannot be written", "set NUMBA_CACHE_DIR to a folder that can"
        )


def _video() -> Iterator[Finding]:
    import av

    for name, mode, use, is_needed in (
        ("h264", "r", "cameras", True),
        ("hevc", "r", "cameras that send H.265", False),
        ("libx264", "w", "the simulator's cameras", False),
    ):
        try:
            av.Codec(name, mode)  # type: ignore[arg-type]
            yield _ok(f"codec {name}", f"there, for {use}")
        except ValueError:
            advice = "install the wheel of 'av' from PyPI, which has it"
            make = _wrong if is_needed else _warning
            yield make(f"codec {name}", f"missing in this build of FFmpeg: no {use}", advice)


def _models() -> Iterator[Finding]:
    import onnxruntime

    from openaisle.detections.people import PeopleDetector
    from openaisle.detections.people_networks import BOXES_FILE, KEYPOINTS_FILE
    from openaisle.detections.runtime import SHIPPED

    yield _ok("inference", ", ".join(onnxruntime.get_available_providers()))
    try:
        PeopleDetector([])
    except OpenAisleError as error:
        yield _wrong("models", str(error), "install the package again, or train them: openaisle learn")
        return
    listed = _checksums(SHIPPED / CHECKSUMS)
    for name in (BOXES_FILE, KEYPOINTS_FILE):
        digest = hashlib.sha256((SHIPPED / name).read_bytes()).hexdigest()
        if name in listed and listed[name] != digest:
            yield _wrong(f"model {name}", "is not the file that was released", "install the package again")
        else:
            checked = "checksum right" if name in listed else "loads"
            yield _ok(f"model {name}", f"{checked}, sha256 {digest[:12]}")


def _checksums(path: Path) -> dict[str, str]:
    """As `sha256sum` writes them; {} if there is no such file."""
    if not path.is_file():
        return {}
    rows = (line.split() for line in path.read_text().splitlines())
    return {row[1].lstrip("*"): row[0] for row in rows if len(row) == 2}


def _machine() -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0))
    text = f"{cores} for this process"
    if cores >= 2:
        yield _ok("cores", text)
    else:
        yield _warning("cores", text, "a shop with 6 cameras needs 2")
    free_gb = psutil.virtual_memory().available / 1e9
    text = f"{free_gb:.1f} GB free"
    if free_gb >= MEMORY_GB_MIN:
        yield _ok("memory", text)
    else:
        yield _warning("memory", text, f"{MEMORY_GB_MIN:g} GB are wanted")


def _clock() -> Iterator[Finding]:
    now = time.gmtime()
    if now.tm_year < YEAR_MIN:
        yield _wrong("clock", f"says {time.strftime('%Y-%m-%d', now)}", "set it: entry codes depend on it")
        return
    buffer = ctypes.create_string_buffer(512)  # struct timex with modes = 0: only asks
    state = ctypes.CDLL(None).adjtimex(buffer)
    if state == _TIME_ERROR:
        yield _warning("clock", "is not synchronised", "run an NTP client: codes are good for 30 s only")
    else:
        yield _ok("clock", time.strftime("%Y-%m-%d %H:%M:%S UTC", now))


def _disk(folder: Path) -> Iterator[Finding]:
    there = next(path for path in (folder, *folder.resolve().parents) if path.is_dir())
    free_gb = shutil.disk_usage(there).free / 1e9
    text = f"{free_gb:.0f} GB free at {folder}"
    if free_gb >= DISK_GB_MIN:
        yield _ok("disk", text)
    else:
        yield _wrong("disk", text, f"{DISK_GB_MIN:g} GB are wanted for the ledger")
    try:
        p50_ms, p99_ms = _fsync_ms(there)
    except OSError as error:
        yield _wrong(
            "state folder", f"{there} cannot be written ({error.strerror})", "choose another with --state"
        )
        return
    text = f"{p50_ms:.1f} ms p50, {p99_ms:.1f} ms p99"
    advice = "put the state folder on a local solid-state disk: every move waits for it"
    make = _ok if p99_ms <= FSYNC_MS[0] else _warning if p99_ms <= FSYNC_MS[1] else _wrong
    yield make("fsync", text, "" if make is _ok else advice)


def _fsync_ms(folder: Path) -> tuple[float, float]:
    times: list[float] = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(FSYNCS):
            began = time.perf_counter()
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
            times.append((time.perf_counter() - began) * 1000)
    times.sort()
    return times[len(times) // 2], times[-1]


def _port(host: str, port: int, use: str, option: str) -> Finding:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            return _warning(
                f"port {port}", f"not free for {use} ({error.strerror})", f"choose another with {option}"
            )
    return _ok(f"port {port}", f"free for {use}")


# --- the store ----------------------------------------------------------------------------------------------------


def _store(name: str) -> Iterator[Finding]:
    try:
        store = load_store(name)
        edge = load_edge_settings(name)
    except StoreError as error:
        for problem in error.problems or [error]:
            yield _wrong("store", str(problem), "mend it; openaisle store check shows the whole plan")
        return
    yield _ok("store", f"{store.store_id}: {len(store.cameras)} cameras, {len(store.gondolas)} gondolas")
    yield from _remarks(store, name)
    yield from _entry_key(store, edge, name)
    if edge.gate_port:
        yield _port(edge.gate_host, edge.gate_port, "gates", "[gates] listen in edge.toml")
    yield from _broker(edge)
    yield from _money(edge)
    yield from _cameras(store)
    yield from _eyes(edge)
    yield from _gallery(store, edge, name)


def _eyes(edge: EdgeSettings) -> Iterator[Finding]:
    """The models that edge.toml names, opened and put together, where they are not ours alone."""
    from openaisle.adapters.eyes import clip_model, shop_detector

    eyes = edge.eyes
    if eyes.is_ours and not eyes.actions:
        return
    try:
        shop_detector([], eyes, edge.runtime)
        clip_model(eyes, edge.runtime)
    except OpenAisleError as error:
        advice = "openaisle models check NAME says shape by shape what is wrong"
        yield _wrong("eyes", str(error), advice)
        return
    names = [name for name in (eyes.model, eyes.hands, eyes.actions) if name]
    yield _ok("eyes", f"{', '.join(names)} of [vision] in edge.toml")


def _remarks(store: Store, name: str) -> Iterator[Finding]:
    from openaisle.store.remarks import remarks_on

    remarks = remarks_on(store, store_folder(name))
    if remarks:
        kinds = sorted({remark.kind.replace("_", " ") for remark in remarks})
        text = f"{len(remarks)} remarks ({', '.join(kinds)})"
        yield _warning("plan", text, f"openaisle store check {name} lists them")


def _entry_key(store: Store, edge: EdgeSettings, name: str) -> Iterator[Finding]:
    from openaisle.edge.keys import entry_public_key
    from openaisle.edge.settings import ShopSettings

    if edge.entry_public_key is None:
        yield _warning(
            "entry codes",
            "edge.toml names no issuer: the shop makes a key of its own",
            "name [gates] public_key_file once somebody else issues codes",
        )
        return
    try:
        entry_public_key(ShopSettings(store_name=name, state_folder=Path(), edge=edge))
        yield _ok("entry codes", f"of {edge.entry_public_key.name} are good at {store.store_id}")
    except OpenAisleError as error:
        yield _wrong("entry codes", str(error), "ask whoever issues codes for their public key as PEM")


def _broker(edge: EdgeSettings) -> Iterator[Finding]:
    from openaisle.adapters.mqtt import check_broker

    if edge.broker is None:
        yield _warning(
            "broker",
            "edge.toml names none: the shop starts its own, on loopback only",
            "name [broker] url for a shop whose scales are on the network",
        )
        return
    try:
        check_broker(edge.broker, BROKER_S)
        yield _ok("broker", f"{edge.broker.address} answers")
    except (OpenAisleError, OSError) as error:
        yield _wrong("broker", str(error), "start it, or mend [broker] in edge.toml")


def _money(edge: EdgeSettings) -> Iterator[Finding]:
    from openaisle.adapters.clock import WallClock
    from openaisle.edge.processors import stripe_terminal

    if edge.payments is None:
        yield _warning(
            "payments",
            "edge.toml names nobody: receipts wait for their money at the counter",
            "name [payments] processor once cards are to be charged",
        )
        return
    yield _ok("payments", f"through {edge.payments.processor}")
    for gate_id, reader_id in edge.readers.items():
        try:
            stripe_terminal(edge.payments, WallClock()).left_over(reader_id)
            yield _ok(f"card reader {gate_id}", f"{reader_id} is known to the processor")
        except OpenAisleError as error:
            advice = "switch it on, or mend [gates.readers] and [payments] in edge.toml"
            yield _wrong(f"card reader {gate_id}", str(error), advice)


def _cameras(store: Store) -> Iterator[Finding]:
    sources = [camera for camera in store.cameras if camera.source]
    if not sources:
        yield _warning(
            "cameras", "none has a source: this store is only simulated", "name them in cameras.toml"
        )
        return
    streams = [(camera, is_main) for camera in sources for is_main in (False, True)]
    streams = [(camera, is_main) for camera, is_main in streams if camera.main_source or not is_main]
    with ThreadPoolExecutor(CAMERAS_AT_ONCE) as pool:
        yield from pool.map(_stream, streams)
    if small := sum(not camera.main_source for camera in sources):
        yield _warning(
            "main streams",
            f"{small} of {len(sources)} cameras name none: packs are looked at in their substreams",
            "name main_source in cameras.toml",
        )


def _stream(one: tuple[Camera, bool]) -> Finding:
    from openaisle.adapters.av_source import shown
    from openaisle.adapters.camera_av import check_camera

    camera, is_main = one
    source = camera.main_source if is_main else camera.source
    subject = f"camera {camera.camera_id}" + (" main stream" if is_main else "")
    try:
        width, height = check_camera(source, CAMERA_S)
    except OpenAisleError as error:
        return _wrong(subject, str(error), "look at its power, network and address")
    lens = camera.lens
    wanted = (camera.main_width_px, camera.main_height_px) if is_main else (lens.width_px, lens.height_px)
    if (width, height) != wanted:
        text = f"sends {width} x {height}, cameras.toml says {wanted[0]} x {wanted[1]}"
        return _warning(subject, text, "sizes belong to the calibration: mend the camera or cameras.toml")
    return _ok(subject, f"{shown(source)} sends {width} x {height}")


def _gallery(store: Store, edge: EdgeSettings, name: str) -> Iterator[Finding]:
    """What packs are recognised from: without it they are told apart by weight alone."""
    from openaisle.detections.gallery import load_gallery
    from openaisle.detections.products import ProductNetwork, ProductSettings
    from openaisle.learning.enrol import gallery_path

    advice = f"openaisle enrol {name} PICTURES"
    try:
        network = ProductNetwork(ProductSettings(runtime=edge.runtime))
        enrolled = load_gallery(gallery_path(name), network.sha256).products
    except OpenAisleError as error:
        yield _warning("gallery", f"packs are told apart by weight alone: {error}", advice)
        return
    if missing := sorted(store.products.keys() - enrolled.keys()):
        text = f"{len(missing)} of {len(store.products)} products are not in it: {', '.join(missing[:6])}"
        yield _warning("gallery", text, advice)
    else:
        yield _ok("gallery", f"all {len(store.products)} products are in it")


# --- leaves -------------------------------------------------------------------------------------------------------


def _ok(subject: str, text: str, advice: str = "") -> Finding:
    return Finding(subject=subject, state=State.OK, text=text, advice=advice)


def _warning(subject: str, text: str, advice: str) -> Finding:
    return Finding(subject=subject, state=State.WARNING, text=text, advice=advice)


def _wrong(subject: str, text: str, advice: str) -> Finding:
    return Finding(subject=subject, state=State.WRONG, text=text, advice=advice)
