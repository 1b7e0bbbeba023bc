"""Workers that go wrong in one way each, for the tests of what starts and watches them."""

from __future__ import annotations

import os
import time

from openaisle.core.errors import PortUnavailable
from openaisle.edge.worker import Context


def steady(context: Context) -> None:
    context.ready()
    while not context.is_stopping:
        context.beat()
        time.sleep(0.01)


def hangs_once(context: Context) -> None:
    """Stands still for ever the first time, with its process alive."""
    context.ready()
    if not context.restarts:
        time.sleep(3600)
    steady(context)


def dies_at_once(context: Context) -> None:
    os._exit(7)


def cannot_work(context: Context) -> None:
    raise PortUnavailable("the moon is not reachable")


def has_a_bug(context: Context) -> None:
    if not context.restarts:
        raise ZeroDivisionError("by accident")
    steady(context)


def deaf(context: Context) -> None:
    """Does not end when it is told to."""
    context.ready()
    time.sleep(3600)
