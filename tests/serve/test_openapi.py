"""Any request that the OpenAPI document allows, and many that it does not: no answer is a fault of the program."""

import json

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

from hypothesis import HealthCheck, given, settings  # noqa: E402
from schemathesis.checks import not_a_server_error  # noqa: E402
from schemathesis.specs.openapi.checks import (  # noqa: E402
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [not_a_server_error, response_schema_conformance, status_code_conformance, content_type_conformance]


@pytest.fixture(scope="module")
def schema(open_index):
    from beadwork.serve.app import create_app

    app = create_app(open_index, hosts=["127.0.0.1", "localhost", "testserver"])
    return schemathesis.openapi.from_asgi("/openapi.json", app)


@pytest.mark.slow
def test_requests_of_the_document(schema):
    failed = []
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
        )
        @given(case=operation.as_strategy())
        def ask(case):
            case.call_and_validate(checks=CHECKS)

        try:
            ask()
        except Exception as error:  # all of them are shown at once
            failed.append(f"{operation.label}: {type(error).__name__} {error}"[:1500])
    assert not failed, "\n\n".join(failed)


def test_document_names_every_refusal(client):
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.") and len(document["paths"]) > 40
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["summary"], path
            refused = operation["responses"]["422"]["content"]["application/json"]["schema"]
            assert refused == {"$ref": "#/components/schemas/ErrorBody"}, path
    assert "ValidationError" not in json.dumps(document)
