"""The bench of the memory: what it plants, counts and judges."""

from __future__ import annotations

from pathlib import Path
from random import Random

from bench.less import memory, memory_ageing, memory_followups
from bench.less.memory_cost import LEAST, PER_MESSAGE, STEP, PrefixCache
from bench.less.memory_dialogues import SETS, TURNS, contains, dialogue, read, templates
from bench.less.memory_small_talk import exchanges

NOWHERE = Path("/nowhere")


def test_it_runs_without_any_data() -> None:
    found = memory.measure(NOWHERE, [0], dialogues=2)
    assert found["recall"]["first"]["facts"] > 5
    assert found["follow-ups"]["unrelated questions"]["pairs"] == 0
    assert found == memory.measure(NOWHERE, [0], dialogues=2)


def test_a_dialogue_has_20_turns_and_says_what_it_plants() -> None:
    for seed in range(20):
        given = dialogue(templates("all"), exchanges(NOWHERE), Random(seed))
        said = "\n".join(message["content"] for message in given.messages if message["role"] == "user")
        assert sum(message["role"] == "user" for message in given.messages) == TURNS
        for one in given.planted:
            assert contains(said, [value for value in (one.value, *one.old) if value])


def test_the_sets_share_no_template() -> None:
    seen: set[tuple[str, str, str]] = set()
    for which in SETS:
        of_set = {
            (*key, text) for key, texts in templates(which).by_role.items() if key[1] in ("state", "update") for text in texts
        }
        assert of_set
        assert seen.isdisjoint(of_set)
        seen |= of_set


def test_the_written_follow_ups_are_many() -> None:
    rows = read("followups")
    assert len(rows) >= 120
    assert len({(row["follow_up"], str(row["turns"])) for row in rows}) == len(rows)


def test_follow_ups_are_judged() -> None:
    judge = memory_followups.judge
    assert judge("Who wrote Faust?", "who wrote  faust") == "right"
    assert judge("Who wrote Faust?", "Who wrote Hamlet?") == judge("Who wrote Faust?", None) == "wrong"
    assert judge(None, "Who wrote Faust?") == "missed"
    assert judge(None, None) == judge(None, "Who wrote Faust? | -") == "refused"


def test_values_are_found_as_whole_words() -> None:
    assert contains("uses Go.", ["go"])
    assert not contains("windows", ["window"])
    assert not contains("anything", [])


def test_a_prefix_that_was_sent_before_is_cached_in_steps() -> None:
    cache = PrefixCache(len)
    talk = [{"role": "user", "content": "a" * 700}, {"role": "assistant", "content": "b" * 500}]
    assert cache.tokens(talk) == (1200 + 2 * PER_MESSAGE, 0)
    _, cached = cache.tokens([*talk, {"role": "user", "content": "c"}])
    assert cached == (1200 + 2 * PER_MESSAGE) // STEP * STEP >= LEAST
    assert cache.tokens([talk[0], {"role": "user", "content": "d"}])[1] == 0  # too short to be kept
    assert cache.tokens([{"role": "user", "content": "other" * 400}])[1] == 0


def test_every_order_of_ageing_is_measured() -> None:
    found = memory_ageing.measure(0)
    assert found.keys() == memory_ageing.ORDERS.keys()
    assert all(0 < share <= 1 for share in found.values())
