"""The cache's own endpoints, over a database and without Redis: what they take, what they refuse, and what they tell.

What becomes of answers that are taken back is looked at with a whole gateway, in tests/e2e/test_semantic.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from types import SimpleNamespace
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from app import cache, errors
from app.context import Context
from pipeline.admission import answer as answers
from pipeline.cache.semantic.entries import NewEntry
from pipeline.cache.semantic.parts import SemanticParts
from pipeline.cache.semantic.policy import first
from pipeline.ids import unix_now
from pipeline.ledger.analytics import Analytics
from pipeline.settings import Settings
from pipeline.storage.authenticate import Authenticator
from pipeline.storage.engine import create_engine
from tests.support.runs import make_answer

ROOT = "/v1/optimization/cache"
KEY = "gateway-key-of-the-tests"
ADMIN_KEY = "admin-key-of-the-tests"
TENANT = "default"
OPENAPI: dict[str, Any] = json.loads(files("app").joinpath("openapi.json").read_text())


class ExactCache:
    """Stands for the answers in Redis: ids of this tenant's."""

    def __init__(self) -> None:
        self.ids: set[str] = set()

    def count(self, tenant: str) -> int:
        return len(self.ids)

    def forget(self, tenant: str, key: str) -> bool:
        known = key in self.ids
        self.ids.discard(key)
        return known


class Feedback:
    """Stands for pipeline.feedback: knows one answer, and keeps what is said."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, list[str], bool]] = []

    def find(self, tenant: str, author: str, answer_text: str) -> list[str]:
        return [entry_id(1)] if answer_text == "Berlin" else []

    def give(self, tenant: str, author: str, keys: list[str], *, is_correct: bool) -> list[str]:
        self.said.append((tenant, author, keys, is_correct))
        return [key for key in keys if key == entry_id(1)]


class House:
    """The endpoints, with a key that is let in."""

    def __init__(self, engine: Engine) -> None:
        settings = Settings(api_key=KEY, admin_key=ADMIN_KEY, secret_key="a-secret-of-the-tests")
        self.exact, self.feedback = ExactCache(), Feedback()
        self.semantic = SemanticParts(settings, lambda: engine, leads=lambda: False, ask_embedder=lambda body: b"")
        gateway: Any = SimpleNamespace(
            settings=settings,
            authenticator=Authenticator(SimpleNamespace(find_digest=lambda public_id, digest: None), settings),  # type: ignore[arg-type]
            analytics=Analytics(engine),
            cache=self.exact,
            feedback=self.feedback,
            semantic=self.semantic,
        )
        app = Flask("cache")
        app.extensions["leo"] = Context(gateway, submitter=None, door=None, lane=None)  # type: ignore[arg-type]
        errors.init_app(app)
        app.register_blueprint(cache.blueprint)
        self._client = app.test_client()

    def ask(self, method: str, path: str, body: Any = None, key: str = KEY) -> TestResponse:
        return self._client.open(ROOT + path, method=method, json=body, headers={"X-API-Key": key})

    def keep(self, *numbers: int, tenant: str = TENANT, state: str = "probation", created_at: float = 1_795_000_000.0) -> None:
        entries = [new_entry(number, tenant=tenant, state=state, created_at=created_at) for number in numbers]
        self.semantic.entries.add(entries)


def entry_id(number: int) -> str:
    return f"{number:040x}"


def new_entry(number: int, **changes: Any) -> NewEntry:
    packed = answers.pack(make_answer())
    values = {
        "partition": "p",
        "text": f"question {number}",
        "embedder": "e",
        "vector": b"v",
        "answer": packed,
        "answer_digest": "d",
    }
    values |= {"id": entry_id(number), "author": "api", "expires_at": unix_now() + 3600}
    return NewEntry(**{**values, **changes})


@pytest.fixture
def house(sqlite_url: str) -> Iterator[House]:
    engine = create_engine(sqlite_url)
    yield House(engine)
    engine.dispose()


def refusal(response: TestResponse) -> tuple[int, str | None, str | None]:
    error = response.json["error"]  # type: ignore[index]
    return response.status_code, error["param"], error["code"]


def documented(response: TestResponse, method: str, path: str) -> dict[str, Any]:
    """The body, which fits the schema that the OpenAPI document has for it."""
    assert response.status_code == 200, response.data
    schema = OPENAPI["paths"][ROOT + path][method]["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema_rs.Draft202012Validator({**schema, "components": OPENAPI["components"]}).validate(response.json)
    assert isinstance(response.json, dict)
    return response.json


# --- who may ask ---


@pytest.mark.parametrize(
    ("method", "path"),
    [(method, path) for path, item in OPENAPI["paths"].items() if path.startswith(ROOT) for method in item],
    ids=lambda part: part,
)
def test_nothing_is_told_or_done_without_a_key(house: House, method: str, path: str) -> None:
    house.keep(1)
    asked = path.removeprefix(ROOT).replace("{id}", entry_id(1))
    assert refusal(house.ask(method, asked, key="another")) == (401, None, "invalid_api_key")
    assert house.semantic.entries.find(TENANT, entry_id(1)) is not None


# --- parameters ---


@pytest.mark.parametrize(
    ("method", "path", "param"),
    [
        *(("GET", f"/entries?limit={bad}", "limit") for bad in ("", "0", "501", "-1", "+1", "1.5", "many", "%D9%A3", "9" * 5000)),
        *(("GET", f"/entries?after={bad}", "after") for bad in ("-1", str(2**62 + 1), "first")),
        *(("DELETE", f"/entries?state={bad}", "state") for bad in ("", "unknown", "Shared")),
        *(("DELETE", f"/entries?before={bad}", "before") for bad in ("", "-1", "1e9", "yesterday", str(10**11 + 1))),
        *(("DELETE", f"/entries?dry_run={bad}", "dry_run") for bad in ("", "yes", "1", "True")),
    ],
)
def test_a_parameter_that_is_not_understood_is_named_and_nothing_is_done(
    house: House, method: str, path: str, param: str
) -> None:
    house.keep(1)
    assert refusal(house.ask(method, path)) == (400, param, "invalid_value")
    assert house.semantic.entries.held(TENANT).entries == 1


@pytest.mark.parametrize("query", ["limit=1", "limit=500", "after=0", f"after={2**62}", "limit=007"])
def test_the_bounds_themselves_are_allowed(house: House, query: str) -> None:
    documented(house.ask("GET", f"/entries?{query}"), "get", "/entries")


@pytest.mark.parametrize("bad", [0, -0.01, 0.2000001, 1, 1e300, True, False, "0.01", [], {}])
def test_a_budget_that_is_none_is_refused(house: House, bad: object) -> None:
    assert refusal(house.ask("PUT", "/budget", {"budget": bad}))[:2] == (400, "budget")
    assert house.semantic.policies.of(TENANT).budget == 0.01


def test_a_body_without_a_budget_changes_nothing(house: House) -> None:
    documented(house.ask("PUT", "/budget", {"budget": 0.05}), "put", "/budget")
    assert refusal(house.ask("PUT", "/budget", {})) == (400, "budget", "missing_required_parameter")
    assert refusal(house.ask("PUT", "/budget", [0.1])) == (400, None, "invalid_type")
    assert house.semantic.policies.of(TENANT).budget == 0.05


@pytest.mark.parametrize("budget", [0.2, 0.005, 1e-9])
def test_a_budget_is_in_force_until_it_is_taken_back(house: House, budget: float) -> None:
    assert documented(house.ask("PUT", "/budget", {"budget": budget}), "put", "/budget") == {"budget": budget}
    assert documented(house.ask("PUT", "/budget", {"budget": None}), "put", "/budget") == {"budget": 0.01}


# --- feedback ---


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"is_correct": True}, "entry_id"),
        ({"is_correct": True, "entry_id": "", "cached_answer": ""}, "entry_id"),
        ({"is_correct": True, "entry_id": entry_id(1), "cached_answer": "Berlin"}, "entry_id"),
        ({"entry_id": entry_id(1)}, "is_correct"),
        ({"entry_id": entry_id(1), "is_correct": "no"}, "is_correct"),
        ({"entry_id": 1, "is_correct": False}, "entry_id"),
        ({"cached_answer": ["Berlin"], "is_correct": False}, "cached_answer"),
    ],
)
def test_feedback_that_is_not_understood_names_the_field(house: House, body: dict[str, Any], param: str) -> None:
    assert refusal(house.ask("POST", "/feedback", body))[:2] == (400, param)
    assert house.feedback.said == []


@pytest.mark.parametrize("about", [{"entry_id": entry_id(1)}, {"cached_answer": "Berlin"}], ids=lambda about: next(iter(about)))
@pytest.mark.parametrize("is_correct", [True, False])
def test_feedback_is_passed_on_with_who_says_it(house: House, about: dict[str, str], is_correct: bool) -> None:
    said = documented(house.ask("POST", "/feedback", {**about, "is_correct": is_correct}), "post", "/feedback")
    assert said == {"entries": [entry_id(1)], "is_correct": is_correct, "removed": not is_correct}
    assert house.feedback.said == [(TENANT, "api", [entry_id(1)], is_correct)]


@pytest.mark.parametrize("about", [{"entry_id": entry_id(2)}, {"entry_id": "\0"}, {"cached_answer": "Bonn"}], ids=str)
def test_feedback_on_what_is_not_there_says_so(house: House, about: dict[str, str]) -> None:
    assert refusal(house.ask("POST", "/feedback", {**about, "is_correct": False})) == (404, next(iter(about)), "entry_not_found")


# --- entries ---


def test_entries_come_page_by_page_and_only_the_tenants_own(house: House) -> None:
    house.keep(1, 2, 3)
    house.keep(4, tenant="globex")
    seen, after = [], 0
    for _ in range(2):
        page = documented(house.ask("GET", f"/entries?limit=2&after={after}"), "get", "/entries")
        seen += [entry["id"] for entry in page["data"]]
        after = page["next"]
    assert seen == [entry_id(1), entry_id(2), entry_id(3)]
    assert after is None


def test_one_entry_comes_with_its_answer(house: House) -> None:
    house.keep(1)
    shown = documented(house.ask("GET", f"/entries/{entry_id(1)}"), "get", "/entries/{id}")
    assert (shown["question"], shown["state"], shown["author"], shown["hits"]) == ("question 1", "probation", "api", 0)
    fields = OPENAPI["components"]["schemas"]["CacheEntry"]["properties"].keys()
    assert shown.keys() == fields | {"answer"}


def test_what_was_revoked_is_shown_to_its_author_and_to_admins(house: House) -> None:
    house.keep(1, 2, state="shared")
    house.semantic.entries.add([new_entry(3, tenant=TENANT, state="shared", created_at=1_795_000_000.0, author="another")])
    house.semantic.entries.revoke(TENANT, [entry_id(1), entry_id(3)])
    for key, seen in ((KEY, ["revoked", "shared"]), (ADMIN_KEY, ["revoked", "shared", "revoked"])):
        page = documented(house.ask("GET", "/entries", key=key), "get", "/entries")
        assert [entry["state"] for entry in page["data"]] == seen
        assert (house.ask("GET", f"/entries/{entry_id(3)}", key=key).status_code == 200) == (key == ADMIN_KEY)
    shown = documented(house.ask("GET", f"/entries/{entry_id(1)}"), "get", "/entries/{id}")
    assert shown["answer"] == "hello"
    stats = documented(house.ask("GET", "/stats"), "get", "/stats")
    assert stats["semantic_removed_last_day"] == {"revoke": 2}
    assert house.ask("DELETE", f"/entries/{entry_id(3)}").status_code == 404
    assert house.ask("DELETE", f"/entries/{entry_id(3)}", key=ADMIN_KEY).status_code == 200


@pytest.mark.parametrize("id", [entry_id(2), "nothing", "%00", entry_id(1).replace("0", "O"), entry_id(1) + "%0A"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_what_is_no_entry_is_not_found(house: House, method: str, id: str) -> None:
    house.keep(1)
    house.keep(2, tenant="globex")
    assert refusal(house.ask(method, f"/entries/{id}")) == (404, "entry_id", "entry_not_found")
    assert house.semantic.entries.find("globex", entry_id(2)) is not None


@pytest.mark.parametrize("places", ["exact", "meaning", "both"])
def test_an_answer_is_taken_back_from_wherever_it_is(house: House, places: str) -> None:
    if places != "exact":
        house.keep(1)
    if places != "meaning":
        house.exact.ids.add(entry_id(1))
    gone = documented(house.ask("DELETE", f"/entries/{entry_id(1)}"), "delete", "/entries/{id}")
    assert gone == {"id": entry_id(1), "deleted": True}
    assert house.exact.ids == set()
    assert refusal(house.ask("DELETE", f"/entries/{entry_id(1)}"))[0] == 404


@pytest.mark.parametrize(
    ("query", "count"),
    [("", 3), ("state=probation", 2), ("state=revoked", 0), ("before=1795000000", 1), ("state=shared&before=1795000000", 1)],
)
def test_a_purge_takes_what_it_says_and_a_dry_run_only_counts_it(house: House, query: str, count: int) -> None:
    house.keep(1, 2)
    house.keep(3, state="shared", created_at=1_794_999_999.0)
    house.keep(4, tenant="globex")
    tried = documented(house.ask("DELETE", f"/entries?{query}&dry_run=true"), "delete", "/entries")
    assert tried == {"deleted": 0, "matched": count, "dry_run": True}
    assert house.semantic.entries.held(TENANT).entries == 3
    done = documented(house.ask("DELETE", f"/entries?{query}"), "delete", "/entries")
    assert done == {"deleted": count, "matched": count, "dry_run": False}
    assert (house.semantic.entries.held(TENANT).entries, house.semantic.entries.held("globex").entries) == (3 - count, 1)


# --- the figures ---


def test_the_figures_are_all_documented_and_none_is_made_up(house: House) -> None:
    house.keep(1, 2)
    house.exact.ids.add(entry_id(1))
    stats = documented(house.ask("GET", "/stats"), "get", "/stats")
    assert stats.keys() == OPENAPI["components"]["schemas"]["CacheStats"]["properties"].keys()
    assert (stats["entries"], stats["semantic_entries"], stats["semantic_entries_by_state"]) == (1, 2, {"probation": 2})
    assert (stats["budget"], stats["thresholds"], stats["audits"]) == (0.01, {"semantic": first("t", 0.01).threshold.value}, 0)
    unknown = ("wrong_hit_rate", "wrong_hit_rate_interval", "wrong_per_request", "wrong_per_request_upper", "hit_rate_semantic")
    assert [stats[name] for name in unknown] == [None] * 5
