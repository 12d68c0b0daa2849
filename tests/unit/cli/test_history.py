"""The history reads as sentences, and says who authorized what."""

from __future__ import annotations

from fourgates_cli.history import in_words, what_happened

GRANT = {
    "authorization_id": "0190b4a0-0000-7000-8000-000000000001",
    "deciders": [{"person_id": "p-7", "roles": ["change_authority", "cab_member"]}],
    "granted_at": "2026-11-01T10:00:00Z",
    "expires_at": "2026-11-08T10:00:00Z",
    "rule": "normal, low risk",
    "policy_version": 1,
    "document_digest": "ab" * 32,
}
ENTRY = {
    "version": 4,
    "type": "release.PlanningEntered",
    "at": "2026-11-01T10:05:00.123Z",
    "by": "p-3",
    "on_behalf_of": None,
    "roles": ["release_manager"],
    "why": "G1 was granted",
    "cause": "r-1",
    "facts": {"grant": GRANT, "service_id": "0190b4a0-0000-7000-8000-000000000002"},
}
NAMES = {"p-3": "rhea", "p-7": "cora"}


def test_an_entry_says_who_when_why_and_who_authorized_it() -> None:
    (sentence,) = in_words([ENTRY], NAMES)
    assert "2026-11-01 10:05:00  Planning entered, by rhea (release manager)" in sentence
    assert "why: G1 was granted" in sentence
    assert "authorized by cora as change authority and cab member at 2026-11-01 10:00:00" in sentence
    assert "policy version 1" in sentence


def test_ids_are_left_out_of_sentences() -> None:
    (sentence,) = in_words([ENTRY], NAMES)
    assert "000000000002" not in sentence


def test_a_reaction_names_the_person_behind_it() -> None:
    (sentence,) = in_words([ENTRY | {"by": "change-service", "on_behalf_of": "p-7"}], NAMES)
    assert "by change-service on behalf of cora" in sentence


def test_a_stored_name_becomes_words() -> None:
    assert what_happened("release.RehearsalWasNoted") == "Rehearsal was noted"
