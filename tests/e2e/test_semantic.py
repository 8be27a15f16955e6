"""Answers by meaning, through a whole gateway with two workers: the real sentence model, the real verifier.

The questions are such that the score is far above the threshold or far below it, whichever verifier ships: what is looked
at here is what the gateway does with a score. How good the scores are is measured in bench/cache.
"""

from __future__ import annotations

import itertools
import json
import re
import signal
import time
from collections.abc import Iterator
from os import kill

import pytest
import redis
import urllib3

from pipeline.storage.engine import create_engine
from pipeline.storage.keys import KeyStore
from tests.support.gateway import ADMIN_KEY, KEY, GatewayProcesses, SimulatedUpstream, chat
from tests.support.waiting import wait_until

CACHE = "/v1/optimization/cache"
SECOND = 1.0
_numbers = itertools.count(100)
HARMLESS = (str.lower, str.upper, lambda text: text.replace("?", ""), lambda text: f"  {text}  ")


@pytest.fixture(scope="module")
def upstream() -> Iterator[SimulatedUpstream]:
    with SimulatedUpstream() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(upstream: SimulatedUpstream) -> Iterator[GatewayProcesses]:
    settings = {
        "LEO_SEMANTIC_CACHE": "true",
        "LEO_DECOMPOSITION": "on",
        "LEO_SEMANTIC_BUDGET": "0.2",
        "LEO_SEMANTIC_AUDITS": "0",
        "LEO_WORKER_PROCESSES": "2",
    }
    with GatewayProcesses(upstream.base_url, **settings) as running:
        # The model is loaded when a worker is asked for the first time; a dozen hits in a row say that both have it.
        wait_until(lambda: all(answered_again(running) for _ in range(12)), 60.0, "both workers being ready")
        yield running


def answered_again(gateway: GatewayProcesses) -> bool:
    question = f"Who wrote opera number {next(_numbers)} about the flute?"
    gateway.ask(chat(question))
    time.sleep(2 * SECOND / 5)
    return cache_of(gateway.ask(chat(question.lower()))) == "semantic"


def cache_of(response: urllib3.BaseHTTPResponse) -> str:
    assert response.status == 200, response.data
    return response.headers["X-LEO-Cache"]


def learn(gateway: GatewayProcesses, question: str) -> str:
    """Ask something, wait until it may be found by meaning, and tell its entry's id."""
    entry = gateway.ask(chat(question)).headers["X-LEO-Entry-ID"]
    wait_until(lambda: gateway.get(f"{CACHE}/entries/{entry}").status == 200, what="the entry being stored")
    time.sleep(SECOND)  # what a worker promises to have seen by now
    return entry


def found(gateway: GatewayProcesses, question: str, entry: str) -> bool:
    """Ask it in a form in which nobody has asked it yet: is it answered by this entry?"""
    response = gateway.ask(chat(question.lower().replace(" ", " " * next(_numbers), 1)))
    return response.headers.get("X-LEO-Entry-ID") == entry


def content(response: urllib3.BaseHTTPResponse) -> str:
    return str(json.loads(response.data)["choices"][0]["message"]["content"])


@pytest.mark.parametrize("change", HARMLESS, ids=["lower", "upper", "no question mark", "spaces"])
def test_the_same_question_in_other_words_gets_the_same_answer(gateway: GatewayProcesses, change: object) -> None:
    question = f"Which harbour town is called '{HARMLESS.index(change)}' by sailors in old songs?"  # type: ignore[arg-type]
    first = gateway.ask(chat(question))
    entry = first.headers["X-LEO-Entry-ID"]
    wait_until(lambda: gateway.get(f"{CACHE}/entries/{entry}").status == 200)
    time.sleep(SECOND)
    again = gateway.ask(chat(change(question)))  # type: ignore[operator]
    assert cache_of(again) == "semantic"
    assert content(again) == content(first)
    assert again.headers["X-LEO-Entry-ID"] == entry
    assert float(again.headers["X-LEO-Similarity"]) > 0.9
    assert float(again.headers["X-LEO-Score"]) > 0.6
    assert again.headers["X-LEO-Route"] == "CACHE"
    assert json.loads(again.data)["id"] != json.loads(first.data)["id"]


@pytest.mark.parametrize(
    ("question", "trap"),
    [
        ("How many eggs go into a cake for 6 people?", "How many eggs go into a cake for 8 people?"),
        ("What is the capital of Slovakia called?", "What is the capital of Slovenia called?"),
        ("Which trains go from Lyon to Turin?", "Which trains go from Turin to Lyon?"),
        ("Should I water a cactus in winter?", "Should I not water a cactus in winter?"),
        ("How do I enable the firewall on a router?", "How do I disable the firewall on a router?"),
        ("How far is 40 miles by bike?", "How far is 40 kilometres by bike?"),
    ],
)
def test_a_near_miss_is_asked(gateway: GatewayProcesses, question: str, trap: str) -> None:
    learn(gateway, question)
    response = gateway.ask(chat(trap))
    assert cache_of(response) == "miss"
    assert re.search(r"semantic=guard:\w+", response.headers["X-LEO-Bypass-Reason"])


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("What is the weather in Rome today?", "time"),
        ("What is my account balance?", "personal"),
        ("Pick a random animal.", "chance"),
        ("What does the above text say?", "reference"),
        ("word " * 400, "too_long"),
    ],
)
def test_what_must_not_be_answered_by_meaning_says_why(gateway: GatewayProcesses, question: str, reason: str) -> None:
    response = gateway.ask(chat(question))
    assert f"semantic={reason}" in response.headers["X-LEO-Bypass-Reason"]


def test_everything_but_the_last_message_must_be_equal(gateway: GatewayProcesses) -> None:
    question = "Which metal is liquid at room temperature?"
    learn(gateway, question)
    system = {"role": "system", "content": "Answer like a pirate."}
    for other in (
        chat(question.lower(), model="another-model"),
        chat(question.lower(), max_tokens=7),
        {**chat(question.lower()), "messages": [system, {"role": "user", "content": question.lower()}]},
    ):
        assert cache_of(gateway.ask(other)) == "miss"
    assert cache_of(gateway.ask(chat(question.lower()))) == "semantic"


def test_it_can_be_switched_off_for_a_request(gateway: GatewayProcesses) -> None:
    question = "Which tree lives the longest of all?"
    learn(gateway, question)
    response = gateway.ask(chat(question.lower()), X_LEO_Disable="semantic")
    assert cache_of(response) == "miss"
    assert "semantic=disabled_by_request" in response.headers["X-LEO-Bypass-Reason"]


def test_a_stream_gets_the_answer_whole(gateway: GatewayProcesses) -> None:
    question = "What does a lighthouse keeper do all night?"
    first_text = content(gateway.ask(chat(question)))
    learn(gateway, question)
    response = gateway.ask(chat(question.upper(), stream=True))
    assert cache_of(response) == "miss" or cache_of(response) == "semantic"  # known when the stream begins, as a rule
    chunks = [json.loads(line[6:]) for line in response.data.decode().splitlines() if line.startswith("data: {")]
    assert "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"]) == first_text
    assert response.data.rstrip().endswith(b"data: [DONE]")


def test_a_deleted_answer_is_not_served_by_any_worker(gateway: GatewayProcesses) -> None:
    question = "Why do violins have a curved bridge?"
    entry = learn(gateway, question)
    assert cache_of(gateway.ask(chat(question.lower()))) == "semantic"
    assert gateway.send("DELETE", f"{CACHE}/entries/{entry}").status == 200
    time.sleep(SECOND)
    for number in range(6):
        response = gateway.ask(chat(question.lower() + " " * (number + 1)))
        assert response.headers["X-LEO-Entry-ID"] != entry
    assert gateway.get(f"{CACHE}/entries/{entry}").status == 404
    assert gateway.send("DELETE", f"{CACHE}/entries/{entry}").status == 404


def test_a_wrong_answer_is_not_served_again(gateway: GatewayProcesses) -> None:
    question = "How deep can a sperm whale dive?"
    entry = learn(gateway, question)
    served = gateway.ask(chat(question.lower()))
    assert served.headers["X-LEO-Entry-ID"] == entry
    said = gateway.send("POST", f"{CACHE}/feedback", {"cached_answer": content(served), "is_correct": False})
    assert said.status == 200
    assert json.loads(said.data)["entries"] == [entry]
    assert json.loads(gateway.get(f"{CACHE}/entries/{entry}").data)["state"] == "revoked"
    assert gateway.send("POST", f"{CACHE}/feedback", {"entry_id": entry, "is_correct": False}).status == 404
    time.sleep(SECOND)
    for number in range(6):
        assert gateway.ask(chat(question.upper() + " " * number)).headers["X-LEO-Entry-ID"] != entry
    gateway.ask(chat(question), Cache_Control="no-cache")
    wait_until(lambda: json.loads(gateway.get(f"{CACHE}/entries/{entry}").data)["state"] == "probation", what="a fresh answer")
    assert gateway.send("DELETE", f"{CACHE}/entries/{entry}").status == 200
    assert gateway.get(f"{CACHE}/entries/{entry}").status == 404


def test_another_tenants_entries_do_not_exist(gateway: GatewayProcesses) -> None:
    question = "What holds a suspension bridge up?"
    entry = learn(gateway, question)
    keys = KeyStore(create_engine(f"sqlite:///{gateway.home}/leo.db"))
    keys.ensure_tenant("stranger", "stranger")
    stranger = keys.create("stranger", "key")[1]
    assert cache_of(gateway.ask(chat(question.lower()), key=stranger)) == "miss"
    missing = gateway.send("POST", f"{CACHE}/feedback", {"entry_id": "0" * 40, "is_correct": False}, key=stranger)
    other = gateway.send("POST", f"{CACHE}/feedback", {"entry_id": entry, "is_correct": False}, key=stranger)
    assert (other.status, other.data) == (missing.status, missing.data)
    assert other.status == 404
    assert gateway.send("GET", f"{CACHE}/entries/{entry}", key=stranger).status == 404
    assert json.loads(gateway.send("GET", f"{CACHE}/entries", key=stranger).data)["data"] == []


def test_one_key_confirms_before_another_gets_the_answer(gateway: GatewayProcesses) -> None:
    """An entry is its author's until the answer of another key has agreed with it."""
    keys = KeyStore(create_engine(f"sqlite:///{gateway.home}/leo.db"))
    keys.ensure_tenant("default", "default")
    colleague = keys.create("default", "colleague")[1]
    question = "Who invented the safety pin long ago?"
    entry = learn(gateway, question)
    first = gateway.ask(chat(question.lower()), key=colleague)
    assert cache_of(first) == "miss"
    assert "semantic=probation" in first.headers["X-LEO-Bypass-Reason"]
    assert cache_of(gateway.ask(chat(question.upper()))) == "semantic"
    assert json.loads(gateway.get(f"{CACHE}/entries/{entry}").data)["author"]


def test_entries_are_paged_and_purged(gateway: GatewayProcesses) -> None:
    learn(gateway, "How is paper made from wood?")
    page = json.loads(gateway.get(f"{CACHE}/entries?limit=1").data)
    assert len(page["data"]) == 1
    following = json.loads(gateway.get(f"{CACHE}/entries?limit=1&after={page['next']}").data)
    assert following["data"][0]["id"] != page["data"][0]["id"]
    count = json.loads(gateway.get(f"{CACHE}/stats").data)["semantic_entries"]
    mine = json.loads(gateway.send("DELETE", f"{CACHE}/entries?dry_run=true").data)
    assert mine["deleted"] == 0
    assert 0 < mine["matched"] < count  # a colleague's are the colleague's
    tried = json.loads(gateway.send("DELETE", f"{CACHE}/entries?dry_run=true", key=ADMIN_KEY).data)
    assert tried == {"deleted": 0, "matched": count, "dry_run": True}
    assert json.loads(gateway.send("DELETE", f"{CACHE}/entries", key=ADMIN_KEY).data)["deleted"] == count
    assert json.loads(gateway.get(f"{CACHE}/stats").data)["semantic_entries"] == 0


@pytest.mark.parametrize("query", ["limit=0", "limit=many", "after=-1"])
def test_bad_paging_names_the_parameter(gateway: GatewayProcesses, query: str) -> None:
    response = gateway.get(f"{CACHE}/entries?{query}")
    assert response.status == 400
    assert json.loads(response.data)["error"]["param"] == query.partition("=")[0]


def test_the_budget_is_the_tenants_own(gateway: GatewayProcesses) -> None:
    assert json.loads(gateway.send("PUT", f"{CACHE}/budget", {"budget": 0.005}).data) == {"budget": 0.005}
    assert json.loads(gateway.get(f"{CACHE}/stats").data)["budget"] == 0.005
    for bad in (0, 0.5, "much", True):
        assert gateway.send("PUT", f"{CACHE}/budget", {"budget": bad}).status == 400
    assert json.loads(gateway.send("PUT", f"{CACHE}/budget", {"budget": None}).data) == {"budget": 0.2}


def test_entries_survive_a_wiped_redis_and_the_death_of_all_workers(gateway: GatewayProcesses) -> None:
    question = "Why does bread dough have to rest?"
    entry = learn(gateway, question)
    redis.Redis(unix_socket_path=str(gateway.home / "redis.sock")).flushall()
    for pid in gateway.pids("app.cli worker"):
        kill(pid, signal.SIGKILL)

    wait_until(lambda: found(gateway, question, entry), 30.0, "the entry being found again")


def test_the_ledger_knows_hits_by_meaning(gateway: GatewayProcesses) -> None:
    question = "What makes a kite stay in the air?"
    entry = learn(gateway, question)
    before = json.loads(gateway.get(f"{CACHE}/stats").data)["hits_semantic"]
    wait_until(lambda: found(gateway, question, entry), 30.0, "a hit")
    wait_until(lambda: json.loads(gateway.get(f"{CACHE}/stats").data)["hits_semantic"] > before, what="the ledger's count")
    assert KEY not in gateway.log


def test_a_part_of_a_question_is_found_by_meaning(gateway: GatewayProcesses, upstream: SimulatedUpstream) -> None:
    entry = learn(gateway, "Who painted the ceiling of the Sistine Chapel?")
    upstream.reset()
    response = gateway.ask(chat("Who painted the ceiling of the  sistine Chapel? What is the capital of Mongolia?"))
    assert response.headers["X-LEO-Parts"] == "semantic, upstream"
    part = json.loads(response.data)["optimization_metrics"]["parts"][0]
    assert part["entry_id"] == entry
    assert part["score"] > 0.6
    assert upstream.stats()["calls"] == 1

    # The part that was missing is found by meaning from now on.
    wait_until(lambda: found(gateway, "What is the capital of Mongolia?", _part_entry(response)), 10, "the part being known")


def _part_entry(response: urllib3.BaseHTTPResponse) -> str:
    return str(json.loads(response.data)["optimization_metrics"]["parts"][1]["entry_id"])
