"""The simulator's prefix cache: what of a long prompt came before is told as `cached_tokens`, as a provider does."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.upstream.sim.plan import prompt_tokens
from pipeline.upstream.sim.prefix import MINIMUM, STEP, PrefixCache, stepped
from pipeline.upstream.sim.text import Dice, sentences
from pipeline.upstream.simulator import Failure, SimSettings, Simulation, Simulator
from pipeline.upstream.tokens import count_tokens
from tests.unit.upstream.test_simulator import exchange

TOOL = {"type": "function", "function": {"name": "save", "parameters": {"type": "object", "properties": {}}}}


def prose(tokens: int, seed: bytes = b"x") -> str:
    """Text of exactly so many tokens."""
    return "".join(sentences(Dice(seed), tokens))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Provider:
    """A simulation, asked for its `cached_tokens`."""

    def __init__(self, count: Callable[[str], int] = count_tokens, **fields: Any) -> None:
        self.clock = Clock()
        self.simulation = Simulation(SimSettings(**fields), count, clock=self.clock)

    def ask(self, *contents: Any, whose: object = "key", **fields: Any) -> int:
        messages = [
            content if isinstance(content, dict) else {"role": "user" if number else "system", "content": content}
            for number, content in enumerate(contents)
        ]
        return self.send({"model": "gpt", "messages": messages, **fields}, whose)

    def send(self, body: dict[str, Any], whose: object = "key") -> int:
        answer = self.simulation.chat(json.dumps(body).encode(), whose)
        assert not isinstance(answer, Failure)
        told = json.loads(self.simulation.completion(answer))["usage"]
        assert told["prompt_tokens_details"]["cached_tokens"] <= told["prompt_tokens"]
        return int(told["prompt_tokens_details"]["cached_tokens"])


def test_the_second_time_a_long_prefix_is_cached() -> None:
    provider = Provider()
    system = prose(2000)
    assert provider.ask(system, "One?") == 0
    assert provider.ask(system, "Another?") == 1920
    assert provider.ask(system, "Another?") == 1920


@pytest.mark.parametrize(("tokens", "cached"), [(900, 0), (1015, 0), (1016, 1024), (1143, 1024), (1144, 1152)])
def test_from_1024_tokens_on_in_steps_of_128(tokens: int, cached: int) -> None:
    """Beside its text a message has three tokens and its role, and both messages begin alike."""
    provider = Provider()
    system = prose(tokens)
    for question in ("One?", "Another?"):
        found = provider.ask(system, f"{question} {prose(300, question.encode())}")
    assert found == cached


def test_a_conversation_that_goes_on_has_all_but_its_last_turn_cached() -> None:
    provider = Provider()
    turns: list[Any] = [prose(1500)]
    for number in range(5):
        turns.append({"role": "user", "content": prose(200, b"q%d" % number)})
        cached = provider.ask(*turns)
        turns.append({"role": "assistant", "content": prose(200, b"a%d" % number)})
        assert cached == (0 if number == 0 else stepped(1504 + number * 408 - 204))


@pytest.mark.parametrize("place", [0, 700, 2999])
def test_one_other_character_ends_the_prefix(place: int) -> None:
    provider = Provider()
    text = prose(3000)
    at = len(text) * place // 3000
    provider.ask(text, "One?")
    found = provider.ask(f"{text[:at]}X{text[at + 1 :]}", "One?")
    assert stepped(place - 128) <= found <= stepped(place)


def test_the_question_may_stand_behind_its_material_in_one_message() -> None:
    provider = Provider()
    material = prose(4000)
    provider.ask(f"{material}\n\nWhat of it?")
    assert 3712 <= provider.ask(f"{material}\n\nWho did it?") <= 3968


@pytest.mark.parametrize(
    "other",
    [
        {"model": "another"},
        {"prompt_cache_key": "k"},
        {"tools": [TOOL]},
        {"response_format": {"type": "json_object"}},
        {"messages": [{"role": "developer", "content": prose(2000)}]},
        {"messages": [{"role": "system", "name": "n", "content": prose(2000)}]},
        {"messages": [{"role": "system", "content": prose(500)}, {"role": "system", "content": prose(1500)}]},
    ],
)
def test_what_else_is_part_of_the_prefix(other: dict[str, Any]) -> None:
    provider = Provider()
    body = {"model": "gpt", "messages": [{"role": "system", "content": prose(2000)}]}
    provider.send(body)
    assert provider.send({**body, **other}) == 0
    assert provider.send(body) > 0


def test_two_messages_are_not_one_with_the_same_words() -> None:
    provider = Provider()
    one, other = prose(40), prose(1500)
    provider.ask(f'{one}{{"role":"user"}}{other}')
    assert provider.ask(one, other) == 0


def test_what_does_not_matter_to_it() -> None:
    provider = Provider()
    body = {"model": "gpt", "messages": [{"role": "system", "content": prose(2000)}]}
    provider.send(body)
    turned = {"messages": [dict(reversed(body["messages"][0].items()))], "model": "gpt"}  # type: ignore[attr-defined]
    assert provider.send({**turned, "temperature": 0.3, "stream": True, "user": "u", "max_tokens": 5}) > 0


def test_tools_are_cached_with_their_tokens_and_their_order_counts() -> None:
    provider = Provider()
    tools = [{"type": "function", "function": {"name": f"tool{number}", "description": prose(60)}} for number in range(30)]
    provider.ask("Short.", tools=tools)
    assert provider.ask("Another.", tools=tools) >= 30 * 60
    assert provider.ask("Another.", tools=tools[::-1]) == 0


def test_each_account_has_its_own() -> None:
    provider = Provider()
    system = prose(2000)
    provider.ask(system, whose="one")
    assert provider.ask(system, whose="other") == 0
    assert provider.ask(system, whose="one") > 0


def test_what_does_not_come_for_some_minutes_is_forgotten_and_each_use_prolongs_it() -> None:
    provider = Provider(prefix_cache_s=100)
    system = prose(2000)
    provider.ask(system, "One?")
    for _ in range(3):
        provider.clock.now += 100
        assert provider.ask(system, "Two?") > 0
    provider.clock.now += 100.1
    assert provider.ask(system, "Two?") == 0


def test_it_can_be_switched_off_and_is_empty_after_a_reset() -> None:
    system = prose(2000)
    off = Provider(prefix_cache_s=0)
    assert [off.ask(system), off.ask(system)] == [0, 0]
    provider = Provider()
    provider.ask(system)
    provider.simulation.configure(provider.simulation.settings)
    assert provider.ask(system) == 0


def test_a_call_that_fails_caches_nothing() -> None:
    provider = Provider(fail_next=1)
    body = json.dumps({"model": "gpt", "messages": [{"role": "system", "content": prose(2000)}]}).encode()
    assert isinstance(provider.simulation.chat(body, "key"), Failure)
    assert provider.ask(prose(2000)) == 0


def test_short_prompts_are_not_looked_at() -> None:
    counted: list[str] = []

    def count(text: str) -> int:
        counted.append(text)
        return len(text.split())

    provider = Provider(count)
    provider.ask("a " * 900, "b")
    first = len(counted)
    provider.ask("a " * 900, "b")
    assert len(counted) == 2 * first


def test_it_is_bounded_and_keeps_the_beginnings() -> None:
    cache = PrefixCache(count_tokens, most=40)

    def cached(tokens: int, seed: bytes = b"x") -> int:
        body = {"model": "m", "messages": [{"role": "system", "content": prose(tokens, seed)}]}
        return cache.cached(body, tokens + 7, None, 300)

    assert cached(8000) == 0
    assert MINIMUM <= cached(8000) < 8000 - STEP
    for number in range(50):
        cached(1200, b"%d" % number)
    assert cached(8000) == 0


@given(
    st.lists(st.sampled_from(["a ", "word ", "\ud800", "é", "会", "\n", '"']), max_size=20),
    st.integers(1, 300),
    st.integers(0, 20),
)
@settings(max_examples=60, deadline=None)
def test_it_never_tells_more_than_there_was(pieces: list[str], times: int, shared: int) -> None:
    def count(text: str) -> int:
        return len(text.encode("utf-8", "surrogatepass")) // 4

    cache = PrefixCache(count)
    whole = "".join(pieces) * times

    def cached(text: str) -> int:
        messages = [{"role": "user", "content": text}, {"role": "user", "content": None}, {"role": "tool"}]
        body = {"model": "m", "messages": messages}
        return cache.cached(body, prompt_tokens(body, count), None, 300)

    assert cached(whole) == 0
    start = whole[: len(whole) * shared // 20]
    found = cached(f"{start}§{whole}")
    assert found <= count(start) + 4
    assert found == stepped(found)
    assert cached(whole) == stepped(count(whole) + 3 * 3 + 3)


def test_the_upstream_in_process_tells_it_too_and_by_key() -> None:
    simulator = Simulator()
    body = json.dumps({"model": "gpt", "messages": [{"role": "system", "content": prose(2000)}]}).encode()

    def cached() -> int:
        with simulator.post(exchange(body)) as reply:
            return int(json.loads(reply.read())["usage"]["prompt_tokens_details"]["cached_tokens"])

    assert [cached(), cached()] == [0, 1920]


def test_threads_share_it() -> None:
    provider = Provider()
    system = prose(2000)
    provider.ask(system)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda number: provider.ask(system, f"{number}?"), range(40))) == {1920}
