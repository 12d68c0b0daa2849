"""Values of a domain as JSON, and digests that stay what people have authorized, whatever encodes them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from uuid import UUID

import pytest
from fourgates.chassis.aggregate import _plain, digest_of
from fourgates.chassis.plain import plain_with
from hypothesis import given
from hypothesis import strategies as st

PARCEL = UUID("0192d3a0-0000-7000-8000-000000000001")


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Ball:
    colour: Colour
    parcel: UUID
    sizes: tuple[float, ...]
    thrown_at: datetime


BALL = Ball(Colour.RED, PARCEL, (1.0, 1e16, -0.0), datetime(2026, 6, 1, 14, tzinfo=timezone(timedelta(hours=2))))

texts = st.text(st.characters(blacklist_categories=["Cs"]))
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
)


@given(documents)
def test_a_digest_is_that_of_canonical_json(document):
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    assert digest_of(document) == hashlib.sha256(text.encode()).hexdigest()


def test_a_digest_of_what_a_domain_holds():
    text = (
        '{"colour":"red","parcel":"0192d3a0-0000-7000-8000-000000000001","sizes":[1.0,1e+16,-0.0],'
        '"thrown_at":"2026-06-01T12:00:00+00:00"}'
    )
    assert digest_of(BALL) == hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Parcel:
    name: str
    colour: Colour | None
    fragile: bool
    ids: tuple[UUID, ...]
    names: tuple[tuple[str, Colour], ...]


@dataclass(frozen=True)
class Weighed:
    name: str
    grams: int


@given(
    st.builds(
        Parcel,
        name=texts,
        colour=st.sampled_from([None, Colour.RED]),
        fragile=st.booleans(),
        ids=st.lists(st.uuids()).map(tuple),
        names=st.lists(st.tuples(texts, st.just(Colour.RED))).map(tuple),
    )
)
def test_a_digest_does_not_depend_on_who_makes_a_value_plain(parcel):
    told = {**asdict(parcel), "ids": [str(one) for one in parcel.ids]}
    assert _plain(parcel) is parcel
    assert digest_of(parcel) == digest_of(told) == digest_of(plain_with({})(parcel))
    assert digest_of([parcel]) == digest_of([told])


@pytest.mark.parametrize("value", [Weighed("tea", 2**70), BALL])
def test_what_holds_a_number_or_a_time_is_not_left_to_the_encoder(value):
    assert isinstance(_plain(value), dict)


@pytest.mark.parametrize("value", [float("nan"), [float("inf")]])
def test_a_number_that_json_does_not_know_has_no_digest(value):
    with pytest.raises(ValueError, match="number"):
        digest_of(value)


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, object()])
def test_what_json_does_not_know_has_no_digest(value):
    with pytest.raises(TypeError):
        digest_of({"in": [value]})


def test_plain_is_what_was_asked_for():
    plain = plain_with({datetime: lambda at: at.astimezone(UTC).year})
    assert plain({PARCEL: [BALL, True, None, "x", 7]}) == {
        str(PARCEL): [
            {"colour": "red", "parcel": str(PARCEL), "sizes": [1.0, 1e16, -0.0], "thrown_at": 2026},
            True,
            None,
            "x",
            7,
        ]
    }
