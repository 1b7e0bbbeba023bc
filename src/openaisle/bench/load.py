"""A client that asks one HTTP server as fast as it answers, and phones that listen; cheap, on plain sockets.

It shares a machine with what it measures; figures are for comparing servers that were asked by it in one run.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil

HOST = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One request."""

    method: str
    path: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def encoded(self) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {HOST}", f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


def load(
    port: int,
    make: Callable[[], Ask],
    *,
    seconds: float,
    connections: int,
    process: psutil.Process,
    good: int = 200,
) -> dict[str, Any]:
    """Answers a second, their time, and the server's processor time for each, from `connections` that never pause."""
    return asyncio.run(_load(port, make, seconds, connections, process, good))


def listen(port: int, phones: list[Ask], *, seconds: float, process: psutil.Process) -> dict[str, Any]:
    """What so many open event streams saw: how long after `changed_ns` each newest state arrived."""
    return asyncio.run(_listen(port, phones, seconds, process))


async def _load(
    port: int, make: Callable[[], Ask], seconds: float, connections: int, process: psutil.Process, good: int
) -> dict[str, Any]:
    took_ns: list[int] = []
    bad = 0

    async def one(until: float) -> None:
        nonlocal bad
        reader, writer = await asyncio.open_connection(HOST, port)
        while time.monotonic() < until:
            data = make().encoded()
            began = time.perf_counter_ns()
            writer.write(data)
            status = await _answer(reader)
            took_ns.append(time.perf_counter_ns() - began)
            bad += status != good
        writer.close()

    async def all_of(length_s: float) -> None:
        until = time.monotonic() + length_s
        await asyncio.gather(*(one(until) for _ in range(connections)))

    await all_of(min(1.0, seconds / 4))  # Warm.
    took_ns.clear()
    bad = 0
    with _processor_time(process) as used:
        began = time.monotonic()
        await all_of(seconds)
        wall_s = time.monotonic() - began
    return {
        "answers": len(took_ns),
        "bad": bad,
        "per_second": round(len(took_ns) / wall_s),
        "server_us_each": round(used["s"] / len(took_ns) * 1e6, 1),
        **_percentiles_ms(took_ns),
    }


async def _listen(port: int, phones: list[Ask], seconds: float, process: psutil.Process) -> dict[str, Any]:
    lags_ns: list[int] = []
    is_measuring = False
    opened = 0

    async def phone(ask: Ask) -> None:
        nonlocal opened
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(ask.encoded())
        is_first = True  # what stands when a page is opened: as old as it is
        try:
            while line := await reader.readline():
                if not line.startswith(b"data: "):
                    continue
                now_ns = time.time_ns()
                if is_first:
                    is_first = False
                    opened += 1
                elif is_measuring:
                    lags_ns.append(now_ns - json.loads(line[6:])["changed_ns"])
        finally:
            writer.close()

    tasks = []
    for ask in phones:
        tasks.append(asyncio.create_task(phone(ask)))
        await asyncio.sleep(0.002)  # People do not all take out their phones in the same millisecond.
    while opened < len(phones):
        await asyncio.sleep(0.05)
    await asyncio.sleep(1.0)
    with _processor_time(process) as used:
        is_measuring = True
        await asyncio.sleep(seconds)
        is_measuring = False
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return {
        "phones": len(phones),
        "updates": len(lags_ns),
        "updates_per_second": round(len(lags_ns) / seconds, 1),
        "server_cores": round(used["s"] / seconds, 3),
        **_percentiles_ms(lags_ns),
    }


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    at = head.lower().index(b"content-length:") + 15
    await reader.readexactly(int(head[at : head.index(b"\r", at)]))
    return status


@contextmanager
def _processor_time(process: psutil.Process) -> Iterator[dict[str, float]]:
    """Seconds of processor time that the server used within the block, in "s" after it."""
    used = {"s": 0.0}
    before = process.cpu_times()
    yield used
    after = process.cpu_times()
    used["s"] = after.user + after.system - before.user - before.system


def _percentiles_ms(took_ns: list[int]) -> dict[str, float]:
    ranked = sorted(took_ns)
    if not ranked:
        return {}
    at = {f"p{p}_ms": ranked[min(len(ranked) - 1, -(-p * len(ranked) // 100) - 1)] / 1e6 for p in (50, 99)}
    return {**{name: round(ms, 2) for name, ms in at.items()}, "max_ms": round(ranked[-1] / 1e6, 2)}
