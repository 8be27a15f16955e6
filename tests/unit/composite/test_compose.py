"""One answer out of several: what is asked, what the caller gets, and what is left when something fails."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.decompose.plan import Part, Plan
from pipeline.errors import UpstreamError
from tests.unit.composite.support import Upstream, compose, questions, text_of

A, B, C, D = "Who is A?", "Who is B?", "Who is C?", "Who is D?"
KNOWN = {A: "A is one.", B: "B is two.", C: "C is three."}


def sources(composed) -> list[str]:  # type: ignore[no-untyped-def]
    return [part.source for part in composed.treatment.parts]


def test_all_known_takes_no_call() -> None:
    upstream = Upstream()
    found, _ = compose(questions(A, B), KNOWN, upstream)
    assert upstream.asked == []
    assert found.source == "exact"
    assert text_of(found) == f"**{A}**\n\nA is one.\n\n**{B}**\n\nB is two."
    assert found.answer is not None
    assert found.answer.cost is not None
    assert found.answer.cost > 0  # what the direct call would have cost: that much is saved


def test_one_missing_is_asked_as_it_would_be_alone() -> None:
    upstream = Upstream()
    found, _ = compose(questions(A, D, B), KNOWN, upstream, system="Be kind.", temperature=0.3)
    assert upstream.asked == [D]
    assert upstream.bodies[0]["messages"][0] == {"role": "system", "content": "Be kind."}
    assert upstream.bodies[0]["temperature"] == 0.3
    assert sources(found) == ["exact", "upstream", "exact"]
    assert found.gained[0].answer is not None
    assert found.answer is not None
    assert found.answer.cost == 1_000


def test_several_missing_are_asked_in_one_call() -> None:
    upstream = Upstream()
    found, _ = compose(questions(D, A, "Who is E?"), KNOWN, upstream)
    assert len(upstream.asked) == 1
    assert sources(found) == ["upstream", "exact", "upstream"]
    assert f"**{D}**\n\nAnswer to {D}\n\n**{A}**\n\nA is one." in text_of(found)
    assert [json.loads(one.answer.body)["choices"][0]["message"]["content"] for one in found.gained if one.answer] == [
        f"Answer to {D}",
        "Answer to Who is E?",
    ]


def test_nothing_known_is_asked_directly() -> None:
    found, work = compose(questions(D, "Who is E?"), KNOWN, upstream := Upstream())
    assert (found.answer, found.why) == (None, "nothing known")
    assert upstream.asked == []
    assert work.chunks == []


def test_nothing_known_but_asked_before_is_asked_so_that_it_is_kept() -> None:
    found, _ = compose(questions(D, "Who is E?"), {}, upstream := Upstream(), seen=True)
    assert len(upstream.asked) == 1
    assert len(found.gained) == 2
    assert found.treatment is not None
    assert found.treatment.fresh


def test_a_plan_that_is_not_sure_is_asked_directly() -> None:
    found, _ = compose(Plan(questions(A, B).parts, "questions", sure=False), KNOWN, Upstream())
    assert found.answer is None


def test_what_the_call_left_out_is_asked_alone() -> None:
    upstream = Upstream(forgets=[D])
    found, _ = compose(questions(A, D, "Who is E?"), KNOWN, upstream)
    assert upstream.asked[1:] == [D]
    assert f"Answer to {D}" in text_of(found)


def test_a_part_that_fails_is_asked_again() -> None:
    failures = iter([None])
    upstream = Upstream(lambda question: next(failures, f"Answer to {question}"))
    found, _ = compose(questions(A, D), KNOWN, upstream)
    assert upstream.asked == [D, D]
    assert f"Answer to {D}" in text_of(found)


def test_when_a_part_fails_for_good_the_whole_is_asked_directly() -> None:
    found, work = compose(questions(A, D), KNOWN, Upstream(lambda question: None))
    assert (found.answer, found.why) == (None, "part_failed")
    assert work.chunks == []


def test_parts_that_came_before_the_failure_are_kept() -> None:
    found, _ = compose(
        questions(A, D, "Who is E?", "Who is F?"), KNOWN, Upstream(lambda q: None if "F" in q else f"Answer to {q}")
    )
    assert found.answer is None
    assert [one.question for one in found.gained if one.answer] == [None, None]


def test_callers_who_have_seen_a_part_get_the_whole_answer_after_it() -> None:
    upstream = Upstream(lambda question: None if question == D else f"Answer to {question}")
    found, work = compose(questions(A, D), KNOWN, upstream, stream=True)
    assert work.text == text_of(found)
    assert work.text == f"**{A}**\n\nA is one.\n\nAnswer to {A} {D}"
    assert found.treatment is not None
    assert not found.treatment.fresh


def test_when_not_even_the_whole_can_be_asked_the_error_is_the_upstreams() -> None:
    with pytest.raises(UpstreamError):
        compose(questions(A, D), KNOWN, Upstream(lambda question: None), stream=True)


class BreaksOff(Upstream):
    """Fails in the middle of its first stream."""

    def __call__(self, state, work, body, on_delta, *, purpose=""):  # type: ignore[no-untyped-def]
        if on_delta and not self.asked:
            on_delta([json.dumps({"choices": [{"index": 0, "delta": {"content": "Answer to"}}]}).encode()])
            self.asked.append("broken")
            raise UpstreamError("broke off")
        return super().__call__(state, work, body, None, purpose=purpose)


def test_a_stream_that_broke_off_goes_on_where_it_was() -> None:
    found, work = compose(questions(A, D, B), KNOWN, BreaksOff(), stream=True)
    assert work.text == text_of(found) == f"**{A}**\n\nA is one.\n\n**{D}**\n\nAnswer to {D}\n\n**{B}**\n\nB is two."


def test_a_stream_that_broke_off_and_says_something_else_then_has_no_hole() -> None:
    found, work = compose(questions(A, D), KNOWN, BreaksOff(lambda question: "D is four."), stream=True)
    assert work.text == text_of(found) == f"**{A}**\n\nA is one.\n\n**{D}**\n\nAnswer to\n\nD is four."


def test_parts_flow_before_the_missing_ones_are_there() -> None:
    seen: list[str] = []

    class Late(Upstream):
        def __call__(self, state, work, body, on_delta, *, purpose=""):  # type: ignore[no-untyped-def]
            seen.append(work.text)
            return super().__call__(state, work, body, on_delta, purpose=purpose)

    compose(questions(A, D, B), KNOWN, Late(), stream=True)
    assert seen == [f"**{A}**\n\nA is one."]


def test_a_cap_holds_for_all_parts_together() -> None:
    upstream = Upstream()
    compose(questions(A, D), KNOWN, upstream, max_tokens=200)
    assert 100 < upstream.bodies[0]["max_tokens"] < 200
    found, _ = compose(questions(A, D), KNOWN, Upstream(), max_tokens=20)
    assert (found.answer, found.why) == (None, "cap")


CHAIN = Plan((Part("Who is A?", label="Who is A"), Part("Where was #1 born?", needs=(1,))), "chain")


def test_what_builds_on_an_answer_is_asked_with_it() -> None:
    found, _ = compose(CHAIN, {A: "Ada", "Where was Ada born?": "London."}, upstream := Upstream())
    assert upstream.asked == []
    assert text_of(found) == "**Who is A**\n\nAda\n\n**Where was Ada born?**\n\nLondon."
    found, _ = compose(CHAIN, {A: "Ada"}, upstream := Upstream())
    assert upstream.asked == ["Where was Ada born?"]


def test_a_chain_is_asked_directly_where_it_would_cost_a_call_more() -> None:
    found, _ = compose(CHAIN, {}, upstream := Upstream(), seen=True)
    assert (found.answer, found.why) == (None, "calls")
    assert upstream.asked == []
    found, _ = compose(
        CHAIN, {}, upstream := Upstream(lambda question: "Ada" if question == A else "London."), seen=True, calls=2
    )
    assert upstream.asked == [A, "Where was Ada born?"]


def test_what_must_be_related_is_related_by_a_model_if_that_is_allowed() -> None:
    plan = questions(A, B, relate="Who is taller, A or B?")
    found, _ = compose(plan, KNOWN, Upstream())
    assert (found.answer, found.why) == (None, "relates")
    found, work = compose(plan, KNOWN, upstream := Upstream(lambda question: "A is."), calls=2, stream=True)
    assert len(upstream.asked) == 1
    assert "A is one." in upstream.asked[0]
    assert text_of(found) == work.text == "A is."


@given(
    known=st.lists(st.booleans(), min_size=2, max_size=6),
    forgets=st.sets(st.integers(0, 5)),
    cut=st.integers(1, 50),
    stream=st.booleans(),
)
def test_every_part_is_there_in_order_and_as_it_was_answered(
    known: list[bool], forgets: set[int], cut: int, stream: bool
) -> None:
    texts = [f"Who is number {place}?" for place in range(len(known))]
    stored = {text: f"Stored {text}" for text, there in zip(texts, known, strict=True) if there}
    upstream = Upstream(forgets=[text for place, text in enumerate(texts) if place in forgets], cut=cut)
    found, work = compose(questions(*texts), stored, upstream, stream=stream, seen=True)
    wanted = "\n\n".join(f"**{text}**\n\n{stored.get(text, f'Answer to {text}')}" for text in texts)
    assert text_of(found) == wanted
    assert work.text == ("" if all(known) or not stream else wanted)
