"""Requests made from the OpenAPI document, good ones and bad ones: none may break the gateway or its own document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from schemathesis import Case, GenerationMode, Response
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from tests.support.gateway import ADMIN_KEY, GatewayProcesses

DOCUMENT: dict[str, Any] = json.loads(files("app").joinpath("openapi.json").read_text())
OPERATIONS = [(method, path) for path, item in DOCUMENT["paths"].items() for method in item]
# Bad data needs a place where it could be: an operation without parameters and body gets good requests only.
CASES = [(method, path, GenerationMode.POSITIVE) for method, path in OPERATIONS] + [
    (method, path, GenerationMode.NEGATIVE)
    for method, path in OPERATIONS
    if DOCUMENT["paths"][path][method].keys() & {"parameters", "requestBody"}
]
EXAMPLES = 25
SLOW = 60.0  # seconds; only bounds a hang
HELD = [content_type_conformance, response_schema_conformance, status_code_conformance]


@pytest.fixture(scope="module")
def schema(gateway: GatewayProcesses) -> Any:
    """The document as the running gateway serves it."""
    return schemathesis.openapi.from_url(f"{gateway.url}/openapi.json")


@pytest.fixture(scope="module")
def fuzz_key(gateway: GatewayProcesses) -> str:
    """A key of a tenant of its own: here switches are thrown and answers removed."""
    made = gateway.leo("keys", "create", "--tenant", "fuzz", "--name", "schemathesis")
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as made:
        yield made


def check_status(case: Case, response: Response) -> None:
    """No server error but those of a part that is down or a deadline that passed, and nothing that only `default` covers."""
    documented = case.operation.definition.raw["responses"]
    allowed = {"503", "504"} & documented.keys() if response.status_code >= 500 else documented.keys() | {"405"}
    assert str(response.status_code) in allowed, f"{case.as_curl_command()}\n{response.status_code}: {response.text[:2000]}"


@pytest.mark.parametrize(("method", "path", "mode"), CASES, ids=str)
def test_requests_made_from_the_document_get_documented_responses(
    schema: Any, fuzz_key: str, session: requests.Session, method: str, path: str, mode: GenerationMode
) -> None:
    operation = schema[path][method]
    key = ADMIN_KEY if "/admin/" in path else fuzz_key

    @hypothesis.settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def holds(case: Case) -> None:
        response = case.call(session=session, headers={"X-API-Key": key}, timeout=SLOW)
        check_status(case, response)
        if response.status_code != 405:  # a path parameter that is empty leads to another path
            case.validate_response(response, checks=HELD)

    holds()


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=lambda part: part)
def test_a_method_that_a_path_does_not_have_is_405_with_allow(gateway: GatewayProcesses, method: str, path: str) -> None:
    wrong = next(each for each in ("delete", "post", "put", "patch") if each not in DOCUMENT["paths"][path])
    response = requests.request(wrong, gateway.url + path.replace("{id}", "m"), timeout=SLOW)
    assert response.status_code == 405
    assert method.upper() in response.headers["Allow"]
    assert response.json()["error"]["code"] == "method_not_allowed"
