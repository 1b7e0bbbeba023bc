"""What staff are told, and when it is over."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.web.counter import PRODUCT, STORE, cart_of, pick_up

from openaisle.central.alerts import UNBOUND_NS, Alerts
from openaisle.core.messages import FloorTracks, InteractionKind, VisitClosed
from openaisle.core.units import NS_PER_S


@pytest.fixture
def alerts() -> Alerts:
    return Alerts(STORE)


def tracks(at_ns: int, *visit_ids: str | None) -> FloorTracks:
    count = len(visit_ids)
    return FloorTracks(
        captured_ns=at_ns,
        decided_ns=at_ns,
        track_ids=tuple(f"t{number}" for number in range(count)),
        visit_ids=visit_ids,
        positions_floor_m=np.ones((count, 2), np.float32),
        position_sd_m=np.zeros(count, np.float32),
        heights_m=np.zeros(count, np.float32),
        joints_floor_m=np.zeros((count, 17, 4), np.float32),
    )


def test_age_restricted_goods_are_told_once_a_visit_with_the_first_cart_that_has_them(alerts: Alerts) -> None:
    aged = next(product for product in STORE.products.values() if product.age_limit)
    (raised,) = alerts.accept(cart_of("v1", 1, is_pending=True, product=aged))
    assert (raised["kind"], raised["age_limit"]) == ("age", aged.age_limit)
    assert alerts.accept(cart_of("v1", 2, product=aged)) == []
    assert len(alerts.accept(cart_of("v2", 1, product=aged))) == 1
    assert alerts.accept(cart_of("v3", 1)) == []
    alerts.accept(VisitClosed(visit_id="v1", gate_id="exit", closed_ns=1))
    assert [alert["visit_id"] for alert in alerts.newest()] == ["v2"]


def test_somebody_without_a_visit_is_told_after_a_while_and_forgotten_when_bound(alerts: Alerts) -> None:
    assert alerts.accept(tracks(NS_PER_S, "v1", None)) == []
    assert alerts.accept(tracks(NS_PER_S + UNBOUND_NS - 1, "v1", None)) == []
    (raised,) = alerts.accept(tracks(NS_PER_S + UNBOUND_NS, "v1", None))
    assert raised["kind"] == "unbound"
    assert raised["place"] in STORE.gondola_of
    assert alerts.accept(tracks(NS_PER_S + UNBOUND_NS + 1, "v1", None)) == []
    alerts.accept(tracks(NS_PER_S + UNBOUND_NS + 2, "v1", "v2"))
    assert alerts.newest() == []


def test_misplaced_goods_are_a_task_until_the_shop_takes_it_back(alerts: Alerts) -> None:
    import msgspec

    put = msgspec.structs.replace(pick_up("v1", 1, 0.9), kind=InteractionKind.PUT_BACK_WRONG)
    (raised,) = alerts.accept(put)
    assert (raised["kind"], raised["name"]) == ("misplaced", PRODUCT.name)
    assert alerts.done(raised["alert_id"], "sam")
    assert alerts.newest() == []
    alerts.accept(msgspec.structs.replace(put, withdrawn=True, revision=2))
    assert not alerts.done(raised["alert_id"], "sam")
