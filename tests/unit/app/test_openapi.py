"""The OpenAPI document says what there is: no more, no less."""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask

from app import cache, home, memory, openai, ops, optimization
from app.receipt import Receipt
from pipeline.admission.runs import Admission
from pipeline.admission.treatment import PartDone, Treatment
from pipeline.cache.meaning import Meaning
from pipeline.door import Entry
from pipeline.memory.memory import Recalled
from pipeline.remembering import Remembered
from pipeline.request.controls import SWITCHES
from pipeline.request.model import parse
from pipeline.request.parameters import CHAT, EMBEDDINGS, Kind, Parameter
from pipeline.storage.switches import STRATEGIES
from tests.support.runs import make_answer, make_plan

DOCUMENT: dict[str, Any] = json.loads(files("app").joinpath("openapi.json").read_text())
SCHEMAS = DOCUMENT["components"]["schemas"]
METHODS = {"get", "put", "post", "delete", "patch", "head", "options", "trace"}
TYPES = {
    Kind.STRING: "string",
    Kind.NUMBER: "number",
    Kind.INTEGER: "integer",
    Kind.BOOLEAN: "boolean",
    Kind.OBJECT: "object",
    Kind.ARRAY: "array",
}


def resolved(item: dict[str, Any]) -> dict[str, Any]:
    """What a reference stands for."""
    while "$ref" in item:
        place: Any = DOCUMENT
        for step in item["$ref"].removeprefix("#/").split("/"):
            place = place[step.replace("~1", "/").replace("~0", "~")]
        item = place
    return item


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, item[method]) for path, item in DOCUMENT["paths"].items() for method in item.keys() & METHODS]


def references(item: Any) -> list[str]:
    if isinstance(item, dict):
        own = [item["$ref"]] if isinstance(item.get("$ref"), str) else []
        return own + [found for value in item.values() for found in references(value)]
    return [found for value in item for found in references(value)] if isinstance(item, list) else []


def validator(schema: dict[str, Any]) -> Any:
    return jsonschema_rs.Draft202012Validator({**schema, "components": DOCUMENT["components"]})


# --- the document itself ---


def test_every_reference_leads_somewhere() -> None:
    for reference in references(DOCUMENT):
        assert resolved({"$ref": reference})


def test_every_component_is_used() -> None:
    used = set(references(DOCUMENT))
    unused = [
        f"#/components/{kind}/{name}"
        for kind, parts in DOCUMENT["components"].items()
        if kind != "securitySchemes"
        for name in parts
        if f"#/components/{kind}/{name}" not in used
    ]
    assert unused == []


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_schema_is_a_json_schema(name: str) -> None:
    jsonschema_rs.Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]})


def test_schemathesis_reads_every_operation() -> None:
    import schemathesis

    found = list(schemathesis.openapi.from_dict(DOCUMENT).get_all_operations())
    assert {(each.ok().path, each.ok().method) for each in found} == {(path, method) for path, method, _ in operations()}


def test_every_example_fits_its_schema() -> None:
    checked = 0
    for _, _, operation in operations():
        messages = [operation.get("requestBody", {}), *map(resolved, operation["responses"].values())]
        for media in (media for message in messages for media in message.get("content", {}).values()):
            given = [each["value"] for each in media.get("examples", {}).values()]
            for example in given + ([media["example"]] if "example" in media else []):
                validator(media["schema"]).validate(example)
                checked += 1
    assert checked > 20


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names))
    assert all(operation["summary"] and operation["tags"] for _, _, operation in operations())


# --- against the code ---


def test_the_version_is_that_of_the_package() -> None:
    assert DOCUMENT["info"]["version"] == version("leo-optima")


def test_the_document_has_every_route_and_no_other() -> None:
    flask = Flask("routes", static_folder=None)
    for blueprint in (openai.blueprint, optimization.blueprint, cache.blueprint, memory.blueprint, ops.blueprint, home.blueprint):
        flask.register_blueprint(blueprint)
    routes = {
        (re.sub(r"<(?:\w+:)?\w+>", "{}", rule.rule), method.lower())
        for rule in flask.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert {(re.sub(r"\{\w+\}", "{}", path), method) for path, method, _ in operations()} == routes


@pytest.mark.parametrize(("schema", "table"), [("ChatRequest", CHAT), ("EmbeddingsRequest", EMBEDDINGS)])
def test_the_request_schemas_have_the_parameters_of_the_table(schema: str, table: dict[str, Parameter]) -> None:
    properties = SCHEMAS[schema]["properties"]
    assert properties.keys() == table.keys()
    assert SCHEMAS[schema]["additionalProperties"] is True
    for name, row in table.items():
        if row.kind is Kind.ANY:
            assert "type" not in properties[name], name
        else:
            required = name in SCHEMAS[schema]["required"]
            assert properties[name]["type"] == (TYPES[row.kind] if required else [TYPES[row.kind], "null"]), name


def test_the_strategies_and_switches_are_those_of_the_code() -> None:
    assert SCHEMAS["Strategy"]["enum"] == list(STRATEGIES)
    pattern = re.compile(DOCUMENT["components"]["parameters"]["X-LEO-Disable"]["schema"]["pattern"])
    assert all(pattern.match(name) for name in SWITCHES)
    assert pattern.match(", ".join(SWITCHES))
    assert not pattern.match("everything")


def test_both_asking_operations_take_all_request_headers() -> None:
    wanted = {"Authorization", "Idempotency-Key", "Cache-Control", "X-LEO-Disable", "X-LEO-Deadline"}
    of_chat = {"X-LEO-Memory", "X-LEO-Principal", "X-LEO-Conversation"}
    for path, names in (("/v1/chat/completions", wanted | of_chat), ("/v1/embeddings", wanted)):
        operation = DOCUMENT["paths"][path]["post"]
        assert {resolved(each)["name"] for each in operation["parameters"]} == names
    assert DOCUMENT["components"]["securitySchemes"]["gatewayKey"]["name"] == "X-API-Key"


def receipts() -> list[dict[str, str]]:
    """The headers of a miss, a bypass, a hit, a replay and a hit by meaning."""
    told = {"x-request-id": "up-1", "openai-processing-ms": "7", "openai-version": "2020-10-01"}
    limits = {f"x-ratelimit-{what}-{of}": "1" for what in ("limit", "remaining", "reset") for of in ("requests", "tokens")}
    answer = make_answer(simulated=True, headers={**told, **limits})
    found = []
    for verdict, reasons in (("new", {}), ("new", {"semantic": "parameter:seed"}), ("done", {}), ("replay", {})):
        receipt = Receipt("chat/completions")
        admission = Admission(verdict, answer=answer if verdict != "new" else None)
        receipt.enter(
            Entry(make_plan("a895a37a8b3406e948e5c30ac5a1466811ab58a3", reasons=reasons), admission, None, lambda: None)
        )
        found.append(receipt.headers(answer))
    found.append(served_by_meaning().headers(answer))
    found.append(treated().headers(answer))
    return found


def treated() -> Receipt:
    """Of a question that was taken apart, with a prompt that was shortened."""
    receipt = Receipt("chat/completions")
    entry = Entry(make_plan("a895a37a8b3406e948e5c30ac5a1466811ab58a3"), Admission("new"), None, lambda: None)
    entry.treatment = Treatment(parts=(PartDone("exact"), PartDone("upstream")), prompt_before=2412, prompt_after=1604)
    recalled = Recalled((), [], "", None, "", 0, 0, 1)
    receipt.memory = Remembered(
        parse("chat/completions", b'{"model":"m","messages":[{"role":"user","content":"x"}]}'), "", None, recalled
    )
    receipt.enter(entry)
    return receipt


def served_by_meaning() -> Receipt:
    receipt = Receipt("chat/completions")
    entry = Entry(make_plan(), Admission("new"), None, lambda: None)
    entry.status = "semantic"
    entry.meaning = Meaning(
        "a895a37a8b3406e948e5c30ac5a1466811ab58a3", similarity=1.0000001, score=0.9, threshold=0.8, novelty=0.5
    )
    receipt.enter(entry)
    return receipt


def test_every_header_of_a_receipt_is_documented_and_fits_its_schema() -> None:
    for path in ("/v1/chat/completions", "/v1/embeddings"):
        documented = DOCUMENT["paths"][path]["post"]["responses"]["200"]["headers"]
        sent = receipts()
        names = {name for headers in sent for name in headers}
        assert names <= documented.keys()
        assert documented.keys() - names <= {"X-Accel-Buffering"}
        for name, value in ((name, value) for headers in sent for name, value in headers.items()):
            schema = resolved(documented[name])["schema"]
            number = resolved(schema).get("type") in ("integer", "number")
            validator(schema).validate(float(value) if number else value)


def test_every_header_that_the_code_names_is_documented() -> None:
    documented = {name.lower() for name in DOCUMENT["components"]["headers"]}
    named = {
        name.lower()
        for module in ("receipt.py", "errors.py", "openai.py")
        for name in re.findall(
            r'"(X-LEO-[\w-]+|x-should-retry|Retry-After|x-request-id)"', files("app").joinpath(module).read_text()
        )
    }
    assert len(named) > 10
    assert named <= documented


def test_the_metrics_of_a_completion_are_documented_and_fit() -> None:
    answer = make_answer()
    miss, hit = Receipt("chat/completions"), Receipt("chat/completions")
    miss.enter(Entry(make_plan(), Admission("new"), None, lambda: None))
    hit.enter(Entry(make_plan(), Admission("done", answer=answer), None, lambda: None))
    for status, receipt in (("miss", miss), ("exact", hit), ("semantic", served_by_meaning())):
        metrics = receipt.metrics(answer)
        assert metrics["optimization_metrics"]["cache"] == status
        for field, schema in (("optimization_metrics", "OptimizationMetrics"), ("leo_metrics", "LeoMetrics")):
            assert metrics[field].keys() == SCHEMAS[schema]["properties"].keys()
            validator(SCHEMAS[schema]).validate(metrics[field])


def test_every_operation_but_the_open_ones_asks_for_a_key_and_documents_its_refusal() -> None:
    keyless = {path for path, _, operation in operations() if operation["security"] == []}
    assert keyless == {"/health", "/ready", "/openapi.json", "/"}
    for path, _, operation in operations():
        assert ("401" in operation["responses"]) is (path not in keyless)


def test_every_error_is_the_envelope() -> None:
    for _, _, operation in operations():
        for status, response in operation["responses"].items():
            if status not in ("200", "201") and operation["operationId"] != "ready":
                assert resolved(response)["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Error"}
