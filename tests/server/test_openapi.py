"""The OpenAPI document says what the server does: schemathesis tries to prove otherwise."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings

from finops_pack.server import accounts
from finops_pack.server.app import create_app
from finops_pack.server.throttle import Rate
from tests.server.conftest import PASSWORD

# An endpoint: a minute in CI, seconds elsewhere; bench/schemathesis_run.py runs for longer.
EXAMPLES = 250 if os.environ.get("CI") else 12


def test_every_call_is_answered_as_documented(db, tmp_path):
    schemathesis = pytest.importorskip("schemathesis", reason="pip install schemathesis")
    app = create_app(db, tmp_path / "ledgers", rate=Rate(burst=10**6))
    account = accounts.create(db, "me@acme.test", PASSWORD)
    key, _ = accounts.register_key(db, account.id, "k", "write")
    token, _ = accounts.open_session(db, account)
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    schemathesis.serializer("application/x-ndjson")(lambda _, value: str(value).encode())
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) >= 16
    quiet = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    checks = (
        schemathesis.checks.not_a_server_error,
        schemathesis.specs.openapi.checks.status_code_conformance,
        schemathesis.specs.openapi.checks.content_type_conformance,
        schemathesis.specs.openapi.checks.response_schema_conformance,
        schemathesis.specs.openapi.checks.response_headers_conformance,
        schemathesis.specs.openapi.checks.ignored_auth,
    )

    def ask(case):
        secret = token if case.path == "/api/finops/register" else key
        case.call_and_validate(checks=checks, headers={"Authorization": f"Bearer {secret}"})

    for operation in operations:
        quiet(given(case=operation.as_strategy())(ask))()


def test_every_refusal_has_the_documented_body(site):
    document = site.client.get("/openapi.json").json()
    refused = {"$ref": "#/components/schemas/Refused"}
    for path, methods in document["paths"].items():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert answer["content"]["application/json"]["schema"] == refused, path
