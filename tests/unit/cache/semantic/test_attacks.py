"""No attack that we know of succeeds against all layers, and each layer stops one of them by itself.

The models, the guards and the database are the real ones; the attacks and the parts that stand for a layer that was left out
are in attacks.py.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.admission import answer as answers
from pipeline.cache.index import pack
from pipeline.cache.semantic.found import Asker
from pipeline.cache.semantic.question import question
from pipeline.cache.semantic.states import PRIVATE, PROBATION, REVOKED, SHARED
from pipeline.request.key import content_key, derive
from pipeline.request.model import Request
from pipeline.storage.tables import SemanticEntry as Row
from tests.unit.cache.semantic import attacks
from tests.unit.cache.semantic.attacks import ALICE, BOB, LAYERS, MALLORY, PAYLOAD, STRANGER, VICTIMS, Castle, Models, reply

Attack = Callable[[attacks.Make], float]
Build = Callable[..., Castle]
ID, OTHER = "a" * 40, "b" * 40
VICTIM, TRUTH = "How do I reset a forgotten laptop password?", VICTIMS["How do I reset a forgotten laptop password?"]

ATTACKS: dict[str, Attack] = {
    "collision": attacks.collision,
    "directive": attacks.directive,
    "condition": attacks.condition,
    "contradiction": attacks.contradiction,
    "own confirmation": attacks.own_confirmation,
    "other tenant": attacks.other_tenant,
    "taken id": attacks.taken_id,
    "taken id of a colleague": attacks.taken_id_of_a_colleague,
    "many tries": attacks.many_tries,
    "one voice": attacks.one_voice,
    "flood": attacks.flood,
    "comeback": attacks.comeback,
    "tampering": attacks.tampering,
}
# The attack that a layer stops by itself, and the layers without which it would mean nothing.
STOPPED: dict[str, tuple[str, frozenset[str]]] = {
    "isolation": ("other tenant", frozenset()),
    "ids": ("taken id", frozenset()),
    "admission": ("directive", frozenset()),
    "quota": ("many tries", frozenset()),
    "guards": ("contradiction", frozenset()),
    "score": ("condition", frozenset()),
    "probation": ("own confirmation", frozenset()),
    "agreement": ("collision", frozenset({"probation"})),
    "seal": ("tampering", frozenset()),
    "voices": ("one voice", frozenset()),
    "once": ("flood", frozenset({"voices", "score"})),
    "revocation": ("comeback", frozenset()),
}
# Where no other layer stands behind: without this one the attack always succeeds, whatever else there is.
ALONE = ["ids", "quota", "score", "probation", "seal", "voices", "once", "revocation"]


@pytest.fixture(scope="session")
def models() -> Models:
    return Models()


@pytest.fixture
def build(models: Models, tmp_path: Path, _sqlite_template: Path) -> Iterator[Build]:
    built: list[Castle] = []

    def make(layers: Collection[str] = LAYERS, **options: Any) -> Castle:
        path = tmp_path / f"{len(built)}.db"
        shutil.copy(_sqlite_template, path)
        built.append(Castle(models, path, layers, **options))
        return built[-1]

    yield make
    for castle in built:
        castle.close()


# --- the table ---


@pytest.mark.parametrize("name", ATTACKS)
def test_no_attack_succeeds_against_all_layers(build: Build, name: str) -> None:
    assert ATTACKS[name](build) == 0


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_succeeds_against_none(build: Build, name: str) -> None:
    assert ATTACKS[name](lambda: build(())) > 0.9


@pytest.mark.parametrize("layer", sorted(LAYERS))
def test_each_layer_stops_an_attack_by_itself(build: Build, layer: str) -> None:
    name, needed = STOPPED[layer]
    assert ATTACKS[name](lambda: build(needed)) > 0.9
    assert ATTACKS[name](lambda: build(needed | {layer})) == 0


@pytest.mark.parametrize("layer", ALONE)
def test_without_this_layer_the_attack_succeeds(build: Build, layer: str) -> None:
    assert ATTACKS[STOPPED[layer][0]](lambda: build(LAYERS - {layer})) == 1


@pytest.mark.parametrize("layer", sorted(LAYERS - set(ALONE)))
def test_behind_this_layer_stand_others(build: Build, layer: str) -> None:
    assert ATTACKS[STOPPED[layer][0]](lambda: build(LAYERS - {layer})) < 0.5


def test_a_search_finds_prompts_that_lie_beside_others(models: Models) -> None:
    """Else the collisions above would be none."""
    for victim in VICTIMS:
        found = attacks.collide(models.embedder, victim, attacks.random.Random(victim))
        assert float(models.embedder.embed(found) @ models.embedder.embed(victim)) > 0.7
        assert attacks.TRIGGER in found


# --- and what is asked in good faith is answered ---


@pytest.mark.parametrize("victim", VICTIMS)
def test_behind_all_layers_answers_are_still_found(build: Build, victim: str) -> None:
    castle = build()
    castle.store(ALICE, victim, VICTIMS[victim])
    assert castle.served(ALICE, victim.upper()) == VICTIMS[victim]
    found = castle.ask(BOB, victim.lower())
    assert found.why == "probation"
    castle.cache.compare(found, reply(VICTIMS[victim]))
    for asker in (ALICE, BOB, MALLORY):
        assert castle.served(asker, f"  {victim.lower()} ") == VICTIMS[victim]
    assert castle.served(STRANGER, victim) is None


# --- whose it is ---


@pytest.mark.parametrize("asker", [BOB, Asker("evil", "alice")], ids=["another key", "a key of that name, elsewhere"])
def test_where_keys_do_not_share_nothing_brings_an_answer_to_another_key(build: Build, asker: Asker) -> None:
    castle = build(shared=False)
    castle.store(ALICE, VICTIM, TRUTH)
    for _ in range(3):
        found = castle.ask(asker, VICTIM)
        assert (found.answer, found.near) == (None, None)
        castle.cache.compare(found, reply(TRUTH, asker.tenant))
    assert castle.entry().state == PRIVATE
    assert castle.served(ALICE, VICTIM.lower()) == TRUTH


def test_two_keys_of_one_attacker_do_confirm_each_other(build: Build) -> None:
    """What probation does not stop: docs/semantic-cache.md says so, among the limits."""
    castle = build()
    castle.store(MALLORY, VICTIM, PAYLOAD)
    castle.cache.compare(castle.ask(Asker("t", "mallory's other key"), VICTIM), reply(PAYLOAD))
    assert castle.served(BOB, VICTIM) == PAYLOAD


def test_a_tenant_can_neither_make_the_id_nor_the_partition_of_another() -> None:
    asked = Request(
        endpoint="chat/completions", body=b"", params={"model": "m", "messages": [{"role": "user", "content": VICTIM}]}
    )
    keys = {content_key(asked, tenant) for tenant in ("t", "evil", "")}
    partitions = {question(asked, tenant) for tenant in ("t", "evil", "")}
    assert len(keys) == len(partitions) == 3


# --- who complains ---


def test_one_key_takes_an_answer_from_others_but_not_from_its_author(build: Build) -> None:
    castle = build(threshold=0.99)
    castle.share(VICTIM, TRUTH)
    castle.complain(MALLORY, times=50)
    assert castle.entry().state == PROBATION
    assert (castle.served(ALICE, VICTIM), castle.served(BOB, VICTIM)) == (TRUTH, None)


def test_who_was_not_given_an_answer_cannot_complain_of_it(build: Build) -> None:
    castle = build()
    castle.store(ALICE, VICTIM, TRUTH)
    castle.complain(MALLORY, times=5)
    castle.complain(STRANGER, times=5)
    assert (castle.entry().state, castle.entry().wrong) == (PROBATION, 0.0)


def test_a_second_key_that_was_served_revokes_it(build: Build) -> None:
    castle = build()
    castle.share(VICTIM, TRUTH)
    assert castle.served(BOB, VICTIM) == TRUTH
    castle.complain(MALLORY)
    castle.complain(BOB)
    assert castle.entry().state == REVOKED
    assert castle.served(ALICE, VICTIM) is None


# --- what somebody can do who writes to the database: one column at a time ---


def served_after(castle: Castle, asker: Asker = BOB, expected: str = PAYLOAD, **values: Any) -> bool:
    """Whether the answer is served when this was written over its row, and is not before."""
    before = castle.served(asker, VICTIM)
    castle.tamper(**values)
    return castle.served(asker, VICTIM) == expected != before


def change_id(castle: Castle) -> bool:
    """A complaint about one answer meets another."""
    castle.share(VICTIM, TRUTH)
    castle.tamper(id=OTHER)
    return castle.ask(BOB, VICTIM).meaning.entry_id == OTHER


def change_tenant(castle: Castle) -> bool:
    castle.share(VICTIM, PAYLOAD, author=STRANGER)
    return served_after(castle, tenant="t")


def change_partition(castle: Castle) -> bool:
    """An answer under another system prompt."""
    castle.share(VICTIM, PAYLOAD)
    castle.tamper(partition="q")
    asked = attacks.Question("q", VICTIM)
    return castle.cache.look(BOB, asked).answer is not None


def change_text(castle: Castle) -> bool:
    castle.share("How do I reset a forgotten tablet password?", PAYLOAD)
    return served_after(castle, text=VICTIM)


def change_embedder(castle: Castle) -> bool:
    castle.share(VICTIM, PAYLOAD)
    castle.entries.embedded(castle.entry(), "another", castle.entry().vector)
    castle.mirror = attacks.Mirror(castle.entries, castle.models.embedder.name, castle.models.embedder.dimensions)
    castle.mirror.catch_up()
    assert len(castle.mirror) == 0
    castle.tamper(embedder=castle.models.embedder.name)
    near = castle.mirror.search("p", castle.models.embedder.embed(VICTIM), 1)
    return bool(castle.entries.load("t", [neighbour.seq for neighbour in near]))


def change_vector(castle: Castle) -> bool:
    """A question that was not among the nearest is now the nearest of all."""
    castle.share(VICTIM, PAYLOAD)
    embedder = castle.models.embedder
    castle.entries.embedded(castle.entry(), embedder.name, pack(embedder.embed("Who painted the Mona Lisa?")))
    castle.settle()
    return served_after(castle, vector=pack(embedder.embed(VICTIM)))


def change_answer(castle: Castle) -> bool:
    castle.share(VICTIM, TRUTH)
    return served_after(castle, answer=answers.pack(reply(PAYLOAD)))


def change_answer_digest(castle: Castle) -> bool:
    """A complaint about some text meets another answer."""
    castle.share(VICTIM, TRUTH)
    castle.tamper(answer_digest=derive("Yes."))
    castle.feedback.give("t", "bob", castle.feedback.find("t", "bob", "Yes."), is_correct=False)
    found = castle.entries.find("t", ID)
    return found is not None and found.state == PROBATION


def change_tag(castle: Castle) -> bool:
    castle.store(MALLORY, VICTIM, PAYLOAD)
    return served_after(castle, tag=b"\x00" * 32)


def change_author(castle: Castle) -> bool:
    castle.store(MALLORY, VICTIM, PAYLOAD)
    return served_after(castle, author="bob")


def change_state(castle: Castle) -> bool:
    castle.store(MALLORY, VICTIM, PAYLOAD)
    return served_after(castle, state=SHARED)


def change_state_of_what_was_revoked(castle: Castle) -> bool:
    castle.share(VICTIM, PAYLOAD)
    castle.complain(ALICE)
    return served_after(castle, state=SHARED)


def change_created_at(castle: Castle) -> bool:
    """Voices against it were raised before it was there, and do not count."""
    castle.share(VICTIM, PAYLOAD)
    for asker in (BOB, MALLORY):
        castle.served(asker, VICTIM)
    castle.tamper(created_at=4e9)
    for asker in (BOB, MALLORY):
        castle.complain(asker)
    found = castle.entries.find("t", ID)
    return found is not None and found.state != REVOKED


def change_expires_at(castle: Castle) -> bool:
    castle.share(VICTIM, PAYLOAD)
    castle.now += 2000
    return served_after(castle, expires_at=castle.now + 1000)


def change_right(castle: Castle) -> bool:
    """As if it had been praised for years: then it is served for what it does not answer."""
    castle.share(f"{VICTIM.strip('?')} for 40 people", PAYLOAD)
    return served_after(castle, right=1e9)


def change_wrong(castle: Castle) -> bool:
    """Nobody has ever complained."""
    castle.share(VICTIM, PAYLOAD)
    castle.complain(MALLORY)
    castle.tamper(wrong=0.0)
    castle.cache.compare(castle.ask(BOB, VICTIM), reply(PAYLOAD))
    castle.settle()
    return castle.served(BOB, VICTIM) == PAYLOAD


def change_seq(castle: Castle) -> bool:
    """An answer stands under the number of a question that is near, and is still read as what it is."""
    castle.share(VICTIM, TRUTH)
    seq = castle.entry().seq
    castle.entries.remove("t", [ID])
    castle.share("Who painted the Mona Lisa?", PAYLOAD)
    return served_after(castle, seq=seq)


def change_uses(castle: Castle) -> bool:
    """These only say what goes when there is no room."""
    castle.store(MALLORY, VICTIM, PAYLOAD)
    return served_after(castle, hits=10**9, saved=10**15, used_at=4e9, bytes=1)


WITHOUT_SEAL: dict[Callable[[Castle], bool], bool] = {
    change_id: True,
    change_tenant: True,
    change_partition: True,
    change_text: True,
    change_embedder: True,
    change_vector: True,
    change_answer: True,
    change_answer_digest: True,
    change_tag: False,
    change_author: True,
    change_state: True,
    change_state_of_what_was_revoked: True,
    change_created_at: True,
    change_expires_at: True,
    change_right: True,
    change_wrong: True,
    change_seq: False,
    change_uses: False,
}


@pytest.mark.parametrize("change", WITHOUT_SEAL)
def test_nothing_comes_of_writing_to_the_database(build: Build, change: Callable[[Castle], bool]) -> None:
    assert not change(build())


@pytest.mark.parametrize("change", WITHOUT_SEAL)
def test_without_the_seal_something_would(build: Build, change: Callable[[Castle], bool]) -> None:
    assert change(build(LAYERS - {"seal"})) == WITHOUT_SEAL[change]


def test_each_column_was_tried() -> None:
    tried = {change.__name__.removeprefix("change_") for change in WITHOUT_SEAL}
    of_uses = {"hits", "saved", "used_at", "bytes"}
    assert {column.key for column in Row.__table__.columns} - of_uses == tried - {"uses", "state_of_what_was_revoked"}
