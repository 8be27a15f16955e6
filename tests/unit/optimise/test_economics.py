"""A prefix is edited when that is cheaper with the provider's cache than without the edit, and never else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.optimise.economics import ANTHROPIC, OPENAI, Form, Reused, Terms, worth
from pipeline.optimise.reuse import MOST_READS, Reuse, digests
from pipeline.upstream.pricing import Price
from pipeline.upstream.sim.prefix import stepped

PRICE = Price(input=1_000_000, output=4_000_000, cached_input=100_000)
EXACT = Terms(minimum=0, step=1)


def test_the_provider_caches_from_1024_tokens_on_in_steps_of_128() -> None:
    assert [OPENAI.cacheable(tokens) for tokens in (0, 1023, 1024, 1151, 1152, 3000)] == [0, 0, 1024, 1024, 1152, 2944]


@given(st.integers(0, 10**6))
def test_the_simulator_caches_by_the_same_rule(tokens: int) -> None:
    assert OPENAI.cacheable(tokens) == stepped(tokens)


def test_a_prefix_that_is_cached_at_a_tenth_is_not_halved_into_one_that_is_not() -> None:
    net = worth(1800, 900, PRICE, Reused(reads=10, warm="plain"))
    assert not net.edit
    assert "minimum" in net.why


def test_one_that_comes_only_once_may_fall_under_the_minimum() -> None:
    assert worth(1800, 900, PRICE).edit


def test_a_warm_prefix_is_edited_only_if_it_comes_often_enough_to_make_up_for_the_miss() -> None:
    nets = [worth(6400, 5120, PRICE, Reused(reads, "plain")) for reads in range(60)]
    first = next(reads for reads, net in enumerate(nets) if net.edit)
    # The miss costs 5120 * 0.9; each read saves 1280 * 0.1, and so does this time.
    assert first == 36
    assert [net.edit for net in nets] == [reads >= first for reads in range(60)]
    assert nets[0].miss == 5120 * 900_000
    assert nets[0].net == 6400 * 100_000 - 5120 * 1_000_000


def test_what_is_warm_in_its_edited_form_stays_edited() -> None:
    assert worth(6400, 6272, PRICE, Reused(1, "edited")).edit
    assert not worth(6400, 6272, PRICE, Reused(1, "plain")).edit


def test_a_cold_prefix_is_edited() -> None:
    net = worth(3000, 2400, PRICE, Reused(reads=5))
    assert net.edit
    assert net.miss == 0
    assert net.saved_tokens == 600


def test_what_both_forms_share_stays_warm() -> None:
    apart = worth(12_800, 11_520, PRICE, Reused(5, "plain"))
    sharing = worth(12_800, 11_520, PRICE, Reused(5, "plain"), shared=11_264)
    assert not apart.edit
    assert sharing.edit
    assert sharing.miss == (11_520 - 11_264) * 900_000


def test_a_prefix_that_the_provider_seldom_really_has_is_edited_sooner() -> None:
    assert not worth(6400, 5120, PRICE, Reused(5, "plain")).edit
    assert worth(6400, 5120, PRICE, Reused(5, "plain", cached_percent=10)).edit


def test_writing_may_cost_more_than_reading_anew() -> None:
    plain, dear = (worth(6400, 5120, PRICE, Reused(1, "plain"), terms) for terms in (OPENAI, ANTHROPIC))
    assert dear.miss is not None
    assert plain.miss is not None
    assert dear.miss > plain.miss


@pytest.mark.parametrize("price", [Price(10, 10), Price(10, 10, cached_input=10)])
def test_without_a_discount_fewer_tokens_are_always_cheaper(price: Price) -> None:
    assert worth(1800, 1000, price, Reused(10, "plain")).edit


def test_without_a_price_it_is_decided_with_caution_and_nothing_is_said_of_money() -> None:
    net = worth(6400, 5120, None, Reused(5, "plain"))
    assert (net.edit, net.gain, net.miss, net.net) == (False, None, None, None)
    assert worth(6400, 5120, None, Reused(200, "plain")).edit


@pytest.mark.parametrize("after", [2000, 2500])
def test_no_fewer_tokens_are_no_edit(after: int) -> None:
    assert not worth(2000, after, PRICE).edit


FORMS: st.SearchStrategy[Form] = st.sampled_from(("", "plain", "edited"))


@given(st.integers(0, 50_000), st.integers(0, 50_000), st.integers(0, 10**7), st.integers(0, 10**7), st.integers(0, 500), FORMS)
def test_it_is_the_formula(before: int, saved: int, price: int, cached: int, reads: int, warm: Form) -> None:
    """saved * (write + reads * cached) > miss, where a miss is that of what the provider has in one form and not in the other."""
    saved, cached = min(saved, before), min(cached, price)
    after = before - saved
    net = worth(before, after, Price(price, 0, cached), Reused(reads, warm), EXACT)
    gained = saved * (price + reads * cached)
    missed = {"": 0, "plain": before * (price - cached), "edited": -after * (price - cached)}[warm]
    assert net.net == gained - missed
    assert net.gain is not None
    assert net.miss is not None
    assert net.gain - net.miss == net.net
    assert net.edit == (saved > 0 and gained > missed)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_digest_stands_for_all_that_comes_before() -> None:
    one, other = digests([b"system", b"user"]), digests([b"system", b"users"])
    assert one[0] == other[0]
    assert one[1] != other[1]
    assert digests([b"ab", b"c"])[1] != digests([b"a", b"bc"])[1]
    assert digests([]) == ()


def test_a_prefix_is_expected_as_often_again_as_it_came() -> None:
    reuse = Reuse(clock=Clock())
    assert reuse.of("m", b"p") == Reused()
    for _ in range(7):
        reuse.saw("m", b"p", "plain")
    assert reuse.of("m", b"p") == Reused(7, "plain")
    reuse.saw("m", b"p", "edited")
    assert reuse.of("m", b"p").warm == "edited"
    assert reuse.of("other", b"p") == Reused()


def test_a_new_prefix_is_expected_as_often_as_others_of_its_model() -> None:
    reuse = Reuse(clock=Clock())
    for number in range(50):
        for _ in range(5):
            reuse.saw("m", b"%d" % number, "plain")
    assert 3 <= reuse.of("m", b"new").reads <= 5
    assert reuse.of("m", b"new").warm == ""


def test_the_provider_forgets_and_so_does_the_record() -> None:
    clock = Clock()
    reuse = Reuse(lifetime=300, clock=clock)
    reuse.saw("m", b"p", "plain")
    clock.now = 300
    assert reuse.of("m", b"p").warm == "plain"
    clock.now = 300.1
    assert reuse.of("m", b"p") == Reused()
    reuse.saw("m", b"p", "plain")
    assert reuse.of("m", b"p") == Reused(1, "plain")


def test_what_the_provider_says_it_cached_is_believed() -> None:
    reuse = Reuse()
    reuse.answered("m", 500, 0)  # too short to say anything
    assert reuse.of("m", b"p").cached_percent == 100
    for cached in (2048, 1024):
        reuse.answered("m", 2100, cached)
    assert reuse.of("m", b"p").cached_percent == 75
    reuse.answered("m", 2100, 10**9)
    assert reuse.of("m", b"p").cached_percent <= 100


def test_the_record_is_bounded() -> None:
    reuse = Reuse(most=3, clock=Clock())
    for name in (b"a", b"b", b"c", b"a", b"d"):
        reuse.saw("m", name, "plain")
    assert reuse.of("m", b"b").warm == ""
    assert reuse.of("m", b"a").warm == "plain"
    for _ in range(MOST_READS + 5):
        reuse.saw("m", b"a", "plain")
    assert reuse.of("m", b"a").reads == MOST_READS


def test_threads_lose_nothing() -> None:
    reuse = Reuse(clock=Clock())
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: [reuse.saw("m", b"p", "plain") for _ in range(100)], range(8)))
    assert reuse.of("m", b"p").reads == 800
