"""Notes as they lie in the database: nobody reads them without the secret, and none can be moved."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.memory.items import Owner
from pipeline.memory.seal import Content, Seal

OWNER = Owner("acme", "ana")
CONTENT = Content("", "user", "home", "lives in: Oslo ☃", "source")
texts = st.text(st.characters(codec="utf-8"), max_size=40)


@given(st.builds(Content, texts, texts, texts, texts, texts))
def test_what_was_closed_opens_again(content: Content) -> None:
    seal = Seal(b"secret")
    assert seal.open(OWNER, "1", seal.close(OWNER, "1", content)) == content


def test_nothing_of_it_can_be_read() -> None:
    sealed = Seal(b"secret").close(OWNER, "1", CONTENT)
    assert b"Oslo" not in sealed
    assert b"home" not in sealed
    assert sealed != Seal(b"secret").close(OWNER, "1", CONTENT)


def test_another_owner_row_or_secret_does_not_open_it() -> None:
    seal = Seal(b"secret")
    sealed = seal.close(OWNER, "1", CONTENT)
    assert seal.open(Owner("acme", "bo"), "1", sealed) is None
    assert seal.open(Owner("other", "ana"), "1", sealed) is None
    assert seal.open(OWNER, "2", sealed) is None
    assert Seal(b"another").open(OWNER, "1", sealed) is None


@given(st.integers(0, 200), st.integers(1, 255))
def test_a_changed_byte_is_noticed(place: int, change: int) -> None:
    seal = Seal(b"secret")
    sealed = bytearray(seal.close(OWNER, "1", CONTENT))
    sealed[place % len(sealed)] ^= change
    assert seal.open(OWNER, "1", bytes(sealed)) is None


@given(st.binary(max_size=60))
def test_any_bytes_are_refused(sealed: bytes) -> None:
    assert Seal(b"secret").open(OWNER, "1", sealed) is None


def test_a_place_tells_apart_what_it_is_made_of_and_is_secret() -> None:
    seal = Seal(b"secret")
    place = seal.place(OWNER, "", "user", "home")
    others = [
        seal.place(Owner("acme", "bo"), "", "user", "home"),
        seal.place(OWNER, "c", "user", "home"),
        seal.place(OWNER, "", "dog", "home"),
        seal.place(OWNER, "", "user", "name"),
        Seal(b"another").place(OWNER, "", "user", "home"),
    ]
    assert len({place, *others}) == 6
    assert place == seal.place(OWNER, "", "user", "home")
