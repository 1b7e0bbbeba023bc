"""The OpenAPI document, tried by schemathesis: whatever is asked within it or beside it, never an error of ours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance
from tests.unit.web.counter import Counter, cart_of

from openaisle.central.accounts import Role

STREAMS = {"/api/v1/desk/live", "/api/stream", "/api/v1/visits/{visit_id}/live"}
CASES_MAX = 12  # a route; thousands of cases took hours here, and found nothing that these did not


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    one = Counter(tmp_path_factory.mktemp("openapi"))
    visit_id = one.enter(one.account())
    one.hear(cart_of(visit_id))
    one.leave(visit_id)
    yield one
    one.desk.close()


@pytest.mark.filterwarnings("ignore")
def test_no_request_within_the_document_is_an_error_of_ours_or_answered_beside_it(counter: Counter) -> None:
    headers = counter.key_of(counter.account(Role.MANAGER, "Max"))
    document = counter.app.openapi()
    paths = {path: methods for path, methods in document["paths"].items() if path not in STREAMS}
    schema = schemathesis.openapi.from_dict({**document, "paths": paths})
    schema.app = counter.app
    tried = 0
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()

        @given(case=operation.as_strategy())
        @settings(
            max_examples=CASES_MAX,
            deadline=None,
            database=None,
            derandomize=True,
            phases=(Phase.generate,),
            suppress_health_check=[
                HealthCheck.filter_too_much,
                HealthCheck.too_slow,
                HealthCheck.data_too_large,
            ],
        )
        def try_it(case: schemathesis.Case) -> None:
            nonlocal tried
            tried += 1
            response = case.call(headers=headers)
            case.validate_response(
                response,
                checks=[not_a_server_error, status_code_conformance, response_schema_conformance],  # type: ignore[list-item]
            )

        try_it()
    assert tried >= len(paths) * 2
