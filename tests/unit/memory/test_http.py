"""The endpoints of the memory, over a database: what they take, what they refuse, whose notes they show."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from app import errors, memory
from app.context import Context
from pipeline import ids
from pipeline.memory.items import new_id
from pipeline.memory.memory import Memory
from pipeline.memory.store import MemoryStore
from pipeline.memory.who import owner_of
from pipeline.settings import Settings
from pipeline.storage.authenticate import Authenticator
from pipeline.storage.engine import create_engine
from pipeline.upstream.tokens import count_tokens

KEY, ADMIN_KEY = "gateway-key-of-the-tests", "admin-key-of-the-tests"
TENANT = "default"


class House:
    """The endpoints with a key that is let in, and a memory that learns."""

    def __init__(self, engine: Engine) -> None:
        settings = Settings(api_key=KEY, admin_key=ADMIN_KEY)
        self.store = MemoryStore(engine, b"secret", ids.unix_now)
        self.memory = Memory(self.store, count_tokens, ids.unix_now, new_id)
        finder: Any = SimpleNamespace(find_digest=lambda public_id, digest: None)
        gateway: Any = SimpleNamespace(settings=settings, authenticator=Authenticator(finder, settings), memory_store=self.store)
        app = Flask("memory")
        app.extensions["leo"] = Context(gateway, submitter=None, door=None, lane=None)  # type: ignore[arg-type]
        errors.init_app(app)
        app.register_blueprint(memory.blueprint)
        self._client = app.test_client()

    def ask(self, method: str, path: str = "", body: Any = None, key: str = KEY, **headers: str) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._client.open("/v1/memory" + path, method=method, json=body, headers={"X-API-Key": key, **named})

    def tell(self, text: str, user: str = "", conversation: str = "") -> None:
        owner = owner_of(TENANT, "api", user=user)
        self.memory.learn(owner, conversation, [{"role": "user", "content": text}])

    def texts(self, path: str = "", **headers: str) -> list[str]:
        found = self.ask("GET", path, **headers)
        assert found.status_code == 200, found.data
        return [item["text"] for item in found.json["data"]]  # type: ignore[index]


@pytest.fixture
def house(sqlite_url: str) -> Iterator[House]:
    engine = create_engine(sqlite_url)
    yield House(engine)
    engine.dispose()


def refusal(response: TestResponse) -> tuple[int, str | None, str | None]:
    error = response.json["error"]  # type: ignore[index]
    return response.status_code, error["param"], error["code"]


def first_id(house: House, **headers: str) -> str:
    return str(house.ask("GET", **headers).json["data"][0]["id"])  # type: ignore[index]


ID = "mem_" + "0" * 24
ENDPOINTS = [
    ("GET", ""),
    ("GET", "-export"),
    ("POST", ""),
    ("DELETE", ""),
    ("GET", f"/{ID}"),
    ("PUT", f"/{ID}"),
    ("DELETE", f"/{ID}"),
]


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_nothing_is_told_or_done_without_a_key(house: House, method: str, path: str) -> None:
    assert refusal(house.ask(method, path, {"text": "x"}, key="another")) == (401, None, "invalid_api_key")


def test_what_was_learned_is_listed(house: House) -> None:
    house.tell("My name is Ana and I live in Oslo.")
    (name, home) = house.ask("GET").json["data"]  # type: ignore[index]
    assert (name["text"], name["subject"], name["relation"], name["kind"]) == ("name: Ana", "user", "name", "fact")
    assert (home["text"], home["conversation"], home["superseded_at"]) == ("lives in: Oslo", None, None)
    assert home["retention"] == 1.0
    assert home["expires_at"] > home["created_at"]


def test_each_principal_has_a_memory_of_its_own(house: House) -> None:
    house.tell("I live in Oslo.", user="ana")
    house.tell("I live in Rome.", user="bo")
    assert house.texts() == []
    assert house.texts("?user=ana") == house.texts(X_LEO_Principal="ana") == ["lives in: Oslo"]
    assert house.texts("?user=ana", key=ADMIN_KEY) == []
    found = first_id(house, X_LEO_Principal="ana")
    for method, body in (("GET", None), ("PATCH", {"text": "x"}), ("DELETE", None)):
        assert refusal(house.ask(method, f"/{found}", body, X_LEO_Principal="bo"))[0] == 404
    assert house.ask("DELETE", X_LEO_Principal="bo").json["deleted"] == 1  # type: ignore[index]
    assert house.texts(X_LEO_Principal="ana") == ["lives in: Oslo"]


def test_pages_go_on_where_the_one_before_ended(house: House) -> None:
    for number in range(5):
        house.ask("POST", body={"text": f"note number {number}", "subject": f"s{number}"})
    one = house.ask("GET", "?limit=2").json
    two = house.ask("GET", f"?limit=2&after={one['next']}").json  # type: ignore[index]
    three = house.ask("GET", f"?limit=2&after={two['next']}").json  # type: ignore[index]
    assert [len(page["data"]) for page in (one, two, three)] == [2, 2, 1]  # type: ignore[index]
    assert three["next"] is None  # type: ignore[index]


def test_old_values_are_shown_when_they_are_asked_for(house: House) -> None:
    house.tell("I live in Oslo.")
    house.tell("I moved to Rome.")
    assert house.texts() == ["lives in: Rome"]
    assert house.texts("?replaced=true") == ["lives in: Oslo", "lives in: Rome"]


def test_a_conversation_shows_what_holds_in_it(house: House) -> None:
    house.tell("I'm working on a compiler.", conversation="a")
    house.tell("I'm working on a game.", conversation="b")
    house.tell("My name is Ana.", conversation="b")
    assert house.texts(X_LEO_Conversation="a") == ["working on: a compiler", "name: Ana"]
    assert len(house.texts()) == 3


def test_a_note_by_hand_goes_where_a_message_would_put_it(house: House) -> None:
    made = house.ask("POST", body={"text": "I live in Oslo."})
    assert made.status_code == 201
    assert (made.json["text"], made.json["relation"]) == ("lives in: Oslo", "home")  # type: ignore[index]
    house.tell("Actually, I moved to Rome.")
    assert house.texts() == ["lives in: Rome"]


def test_a_note_by_hand_takes_the_place_of_the_one_in_its_slot(house: House) -> None:
    for text in ("green", "red"):
        house.ask("POST", body={"text": text, "subject": "door", "relation": "Colour", "kind": "preference", "importance": 0.3})
    (found,) = house.ask("GET").json["data"]  # type: ignore[index]
    assert (found["text"], found["relation"], found["kind"], found["importance"]) == ("red", "colour", "preference", 0.3)


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({}, "text", "missing_required_parameter"),
        ({"text": 5}, "text", "invalid_type"),
        ({"text": " "}, "text", "invalid_value"),
        ({"text": "a\u0000b"}, "text", "invalid_value"),
        ({"text": "word " * 60}, "text", "too_long"),
        ({"text": "x" * 100_000}, "text", "too_long"),
        ({"text": "my password is hunter2"}, "text", "sensitive"),
        ({"text": "x", "kind": "rumour"}, "kind", "invalid_value"),
        ({"text": "x", "importance": 0}, "importance", "invalid_value"),
        ({"text": "x", "importance": True}, "importance", "invalid_value"),
        ({"text": "x", "importance": "high"}, "importance", "invalid_value"),
        ({"text": "x", "subject": ""}, "subject", "invalid_value"),
        ({"text": "x", "relation": "y" * 61}, "relation", "invalid_value"),
        ({"text": "x", "txet": "y"}, "txet", "unknown_parameter"),
        ([], None, "invalid_type"),
    ],
)
def test_a_note_that_cannot_be_is_refused_by_name(house: House, body: Any, param: str, code: str) -> None:
    assert refusal(house.ask("POST", body=body)) == (400, param, code)
    assert house.texts() == []


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_note_can_be_corrected(house: House, method: str) -> None:
    house.tell("I live in Oslo.")
    name = first_id(house)
    made = house.ask(method, f"/{name}", {"text": "lives in: Ski", "importance": 1})
    assert (made.json["text"], made.json["importance"], made.json["id"]) == ("lives in: Ski", 1.0, name)  # type: ignore[index]
    assert house.texts("?replaced=true") == ["lives in: Ski"]
    house.tell("I moved to Rome.")
    assert house.texts() == ["lives in: Rome"]


def test_a_correction_is_checked(house: House) -> None:
    house.tell("I live in Oslo.")
    name = first_id(house)
    assert refusal(house.ask("PATCH", f"/{name}", {})) == (400, "text", "missing_required_parameter")
    assert refusal(house.ask("PATCH", f"/{name}", {"text": "my pin is 1234"})) == (400, "text", "sensitive")
    assert refusal(house.ask("PATCH", f"/{name}", {"subject": "x"})) == (400, "subject", "unknown_parameter")
    assert refusal(house.ask("PATCH", f"/{ID}", {"text": "x"})) == (404, "id", "memory_item_not_found")
    assert house.texts() == ["lives in: Oslo"]


def test_a_note_can_be_erased(house: House) -> None:
    house.tell("I live in Oslo.")
    name = first_id(house)
    assert house.ask("DELETE", f"/{name}").json == {"id": name, "deleted": True}
    assert house.texts("?replaced=true") == []
    assert refusal(house.ask("DELETE", f"/{name}"))[0] == 404
    assert refusal(house.ask("GET", f"/{name}"))[0] == 404


def test_all_can_be_counted_and_erased(house: House) -> None:
    house.tell("My name is Ana and I live in Oslo.")
    assert house.ask("DELETE", "?dry_run=true").json == {"deleted": 0, "matched": 2, "dry_run": True}
    assert len(house.texts()) == 2
    assert house.ask("DELETE").json == {"deleted": 2, "matched": 2, "dry_run": False}
    assert house.texts() == []


def test_only_an_admin_erases_a_whole_tenant(house: House) -> None:
    house.tell("I live in Oslo.", user="ana")
    house.tell("I live in Rome.", user="bo")
    assert house.ask("DELETE", "?scope=tenant").status_code == 403
    assert house.ask("DELETE", "?scope=tenant", key=ADMIN_KEY).json["deleted"] == 2  # type: ignore[index]
    assert house.texts(X_LEO_Principal="ana") == []


def test_all_can_be_exported(house: House) -> None:
    house.tell("I live in Oslo.")
    house.tell("I moved to Rome.")
    found = json.loads(house.ask("GET", "-export").data)
    assert [item["text"] for item in found] == ["lives in: Oslo", "lives in: Rome"]


@pytest.mark.parametrize(
    ("path", "headers", "param"),
    [
        ("?limit=0", {}, "limit"),
        ("?limit=x", {}, "limit"),
        ("?limit=501", {}, "limit"),
        ("?after=-1", {}, "after"),
        ("?replaced=maybe", {}, "replaced"),
        ("?user=a", {"X-LEO-Principal": "b"}, "user"),
        ("", {"X-LEO-Principal": "b" * 201}, "X-LEO-Principal"),
        ("", {"X-LEO-Conversation": ""}, "X-LEO-Conversation"),
    ],
)
def test_a_list_names_what_is_wrong(house: House, path: str, headers: dict[str, str], param: str) -> None:
    assert refusal(house.ask("GET", path, **headers))[:2] == (400, param)


@pytest.mark.parametrize("path", ["?dry_run=yes", "?scope=world"])
def test_nothing_is_erased_by_a_typing_error(house: House, path: str) -> None:
    house.tell("I live in Oslo.")
    assert house.ask("DELETE", path).status_code == 400
    assert house.texts() == ["lives in: Oslo"]


@pytest.mark.parametrize("name", ["x", "mem_", "mem_" + "g" * 24, "%00", "mem_" + "0" * 23 + "%0A"])
def test_no_other_id_is_looked_up(house: House, name: str) -> None:
    assert house.ask("GET", f"/{name}").status_code == 404
