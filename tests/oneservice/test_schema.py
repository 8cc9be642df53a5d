"""The OpenAPI is kept: whatever is sent, no answer is a 5xx, and none is outside what /openapi.json says of it.

Schemathesis makes up the requests, well-formed and not. `EXAMPLES=50` asks so many of each operation; CI asks fewer.
"""

import contextlib
import os

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.oneservice.conftest import MEMBER, PHONE, World

EXAMPLES = int(os.environ.get("EXAMPLES", "6"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
    ignored_auth,
]


MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


@pytest.fixture(scope="module")
def operations(world: World, live: None) -> dict[str, schemathesis.APIOperation]:
    schema = schemathesis.openapi.from_asgi("/openapi.json", world.app)
    return {found.ok().label: found.ok() for found in schema.get_all_operations()}


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
def test_no_answer_is_a_server_error_or_outside_its_schema(
    operations: dict[str, schemathesis.APIOperation], world: World, mode: GenerationMode
) -> None:
    assert len(operations) >= 11
    for label, operation in operations.items():
        asked = 0

        @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: schemathesis.Case) -> None:
            nonlocal asked
            asked += 1
            token = world.tokens["owner"]
            case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, checks=CHECKS)

        # What takes nothing that could be wrong has no wrong requests.
        with contextlib.suppress(Unsatisfiable):
            ask()
        assert asked or mode is GenerationMode.NEGATIVE, label


GOOD = {
    "GET /healthz": {},
    "GET /v1/tables": {},
    "GET /v1/tables/{name}": {"path_parameters": {"name": "dwd_trade_receipt"}},
    "GET /v1/tables/{name}/rows": {"path_parameters": {"name": "ads_dead_letter"}},
    "GET /v1/metrics": {},
    "GET /v1/metrics/{name}": {"path_parameters": {"name": "sales"}, "query": {"by": ["day", "store"]}},
    "GET /v1/stock/{sku}": {"path_parameters": {"sku": "P1"}},
    "GET /v1/stock/{sku}/{location}": {"path_parameters": {"sku": "P1", "location": "S1"}},
    "GET /v1/orders/{order_id}": {"path_parameters": {"order_id": "O-S1"}},
    "POST /v1/members/find": {"body": {"type": "phone", "value": PHONE}, "media_type": "application/json"},
    "GET /v1/members/{member_id}": {"path_parameters": {"member_id": MEMBER}},
    "POST /v1/sql": {"body": {"query": "FROM dwd_trade_receipt"}, "media_type": "application/json"},
}


def test_what_is_answered_has_the_form_that_is_described(
    operations: dict[str, schemathesis.APIOperation], world: World
) -> None:
    assert set(GOOD) == set(operations)
    for label, operation in operations.items():
        case = operation.Case(**GOOD[label])
        answer = case.call(headers={"Authorization": f"Bearer {world.tokens['owner']}"})
        assert answer.status_code == 200, label
        case.validate_response(answer, checks=[*CHECKS[:5]])
