"""What staff are told, and when it is over."""

from __future__ import annotations

import pytest
from tests.unit.receipts.test_payment import NOW, unanswered
from tests.unit.web.counter import PRODUCT, STORE, cart_of, pick_up

from openaisle.central.alerts import Alerts
from openaisle.core.messages import InteractionKind, StrangerExplained, StrangerInside, VisitClosed
from openaisle.core.units import NS_PER_HOUR


@pytest.fixture
def alerts() -> Alerts:
    return Alerts(STORE)


def test_age_restricted_goods_are_told_once_a_visit_with_the_first_cart_that_has_them(alerts: Alerts) -> None:
    aged = next(product for product in STORE.products.values() if product.age_limit)
    (raised,) = alerts.accept(cart_of("v1", 1, is_pending=True, product=aged))
    assert (raised["kind"], raised["age_limit"]) == ("age", aged.age_limit)
    assert alerts.accept(cart_of("v1", 2, product=aged)) == []
    assert len(alerts.accept(cart_of("v2", 1, product=aged))) == 1
    assert alerts.accept(cart_of("v3", 1)) == []
    alerts.accept(VisitClosed(visit_id="v1", gate_id="exit", closed_ns=1))
    assert [alert["visit_id"] for alert in alerts.newest()] == ["v2"]


def test_a_stranger_is_told_of_and_forgotten_when_explained(alerts: Alerts) -> None:
    stranger = StrangerInside(
        alert_id="stranger-1", track_id="t1", gate_id="entry", behind_visit_id="v1", entered_ns=1, told_ns=2,
        position_floor_m=(1.0, 1.0),
    )  # fmt: skip
    (raised,) = alerts.accept(stranger)
    assert raised["kind"] == "unbound"
    assert raised["place"] in STORE.gondola_of
    assert alerts.accept(stranger) == []
    alerts.accept(StrangerExplained(alert_id="stranger-1", outcome="bound", visit_id="v2", explained_ns=3))
    assert alerts.newest() == []


def test_a_charge_that_nobody_can_tell_of_is_a_task_until_it_is_known(alerts: Alerts) -> None:
    payments = unanswered()
    alerts.accept(payments.state("small/visit"))
    (alert,) = alerts.newest()
    assert (alert["kind"], alert["name"]) == ("unknown_charge", "small/visit")
    late_ns = NOW + 9 * 24 * NS_PER_HOUR
    payments.absent(payments.take_due(late_ns, 1)[0].request.key, late_ns)
    alerts.accept(payments.state("small/visit"))
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
