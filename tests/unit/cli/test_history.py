"""The history reads as sentences, and says who authorized what."""

from __future__ import annotations

from pathlib import Path

from fourgates_cli.history import in_words, what_happened
from fourgates_cli.release_words import WORDS

GRANT = {
    "authorization_id": "0190b4a0-0000-7000-8000-000000000001",
    "deciders": [
        {"person_id": "p-7", "roles": ["change_authority", "cab_member"], "reason": "the back-out was rehearsed"}
    ],
    "granted_at": "2026-11-01T10:00:00Z",
    "expires_at": "2026-11-08T10:00:00Z",
    "rule": "low-gate",
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
    "facts": {"grant": GRANT, "document": {}},
}
NAMES = {"p-3": "rhea", "p-7": "cora"}


def test_an_entry_says_who_when_why_and_who_authorized_it() -> None:
    (told,) = in_words([ENTRY], NAMES)
    assert "2026-11-01 10:05:00  PLANNING ENTERED under G1" in told
    assert "by rhea (release manager); why: G1 was granted" in told
    assert "AUTHORIZED by cora (change authority, cab member): 'the back-out was rehearsed'" in told
    assert "by rule 'low-gate' of policy version 1" in told


def test_a_reaction_names_the_person_behind_it_and_what_was_heard() -> None:
    heard = {
        "by": "release-service",
        "on_behalf_of": "p-7",
        "roles": [],
        "why": "heard dev.fourgates.change.authorized.v1",
    }
    (told,) = in_words([ENTRY | heard | {"type": "release.GrantNoted"}], NAMES)
    assert "by release-service on behalf of cora; heard from change-service: authorized" in told


def test_an_event_without_words_or_with_other_facts_is_told_by_its_name() -> None:
    assert what_happened("release.SomethingNew", {}) == "something new"
    assert what_happened("release.BuildRecorded", {"attempt": 1}) == "build recorded"


def test_words_are_only_kept_for_events_that_exist() -> None:
    stored = Path(__file__).parents[3] / "tests" / "tidy" / "event_names.txt"
    names = set(stored.read_text().split())
    assert {f"release.{name}" for name in WORDS} <= names
