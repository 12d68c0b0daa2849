"""Words: the process's vocabulary and no synonyms, no process words in the plumbing, nothing left for later."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from house import ROOT, place, sources, tracked

# Left out for being ambiguous in plumbing: change, release, authorization, check in, build, target, service, value.
PROCESS_WORDS = re.compile(
    r"\b(itil|cab|ecab|dml|slt|pir|gates?|rehearsals?|rehearsed|deployments?|quarantined?|retirement|contingency"
    r"|back ?outs?|backed out|sign offs?|media items?|definitive|post implementation|service level"
    r"|change (manager|authority|model|request|schedule|advisory|service)s?|release (manager|package|unit|service)s?"
    r"|(review|deploy|operations) service)\b",
)
# The word that the process page uses instead stands beside each.
SYNONYMS = {
    "rollback": "back-out",
    "roll back": "back-out",
    "rolled back": "backed out",
    "undeploy": "retirement",
    "signoff": "sign-off",
    "hotfix": "emergency change",
    "postmortem": "post-implementation review",
    "post mortem": "post-implementation review",
    "blackout": "freeze",
    "cmdb": "configuration management",
    "golden copy": "definitive media",
    "change ticket": "change",
    "dress rehearsal": "rehearsal",
}
# Each has one letter in brackets, so that this file does not find itself.
LEFT_FOR_LATER = re.compile(r"\b(TO[D]O|FIX[M]E|XX[X]|HA[C]K)\b")
SECRETS = re.compile(r"-----BEGIN [A-Z ]*PRIVATE [K]EY-----|\bAKI[A][0-9A-Z]{16}\b|\bgh[pousr]_\w{36}\b")
HOSTS = re.compile(r"https?://[^ /]*(p[y]pi|pythonh[o]sted|n[p]mjs|cr[a]tes|gol[a]ng|m[a]ven)[^ /]*/")
MACHINE = re.compile(r"/w[o]rk/(main|shared|[.]library)|/tmp/(bash|[p]robe)")


def plain(text: str) -> str:
    """The text in lower-case words: `changeManager`, `change_manager` and `change-manager` read the same."""
    return re.sub(r"[_-]", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)).lower()


def lines(paths: list[Path]) -> list[tuple[Path, int, str]]:
    found = []
    for path in paths:
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [(path, number, line) for number, line in enumerate(text.splitlines(), 1)]
    return found


def test_the_chassis_knows_no_word_of_the_process() -> None:
    found = {
        place(path, number): match[0]
        for path, number, line in lines(sources("shared/fourgates/chassis"))
        if (match := PROCESS_WORDS.search(plain(line)))
    }
    assert not found


def test_no_synonyms_are_used() -> None:
    pattern = re.compile(rf"\b({'|'.join(SYNONYMS)})s?\b")
    found = {
        place(path, number): f"{match[1]}: say {SYNONYMS[match[1]]}"
        for path, number, line in lines(sources("services", "shared/fourgates/contracts"))
        if (match := pattern.search(plain(line)))
    }
    assert not found


@pytest.mark.parametrize(
    "pattern", [LEFT_FOR_LATER, SECRETS, HOSTS, MACHINE], ids=["left for later", "secrets", "hosts", "machine"]
)
def test_what_no_file_may_hold(pattern: re.Pattern[str]) -> None:
    own = [path for path in tracked() if "vendor" not in path.parts]
    assert not [place(path, number) for path, number, line in lines(own) if pattern.search(line)]


def test_the_lock_names_hashes_and_no_host() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    assert "--index-url" not in lock
    blocks = re.split(r"\n(?=[a-z0-9])", lock)
    assert not [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block]


def test_each_member_is_installed_from_this_repository_only() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    members = [path for path in tracked() if path.name == "pyproject.toml" and "examples" not in path.parts]
    names = [re.search(r'^name = "(.*)"', path.read_text(), re.MULTILINE) for path in members]
    assert not [name[1] for name in names if name and re.search(rf"^{name[1]}==", lock, re.MULTILINE)]
