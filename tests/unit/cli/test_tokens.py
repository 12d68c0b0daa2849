"""Tokens are kept for their owner alone, one for each address."""

from __future__ import annotations

from pathlib import Path

import pytest
from fourgates_cli.tokens import NotLoggedInError, keep_token, token_for


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("FOURGATES_TOKEN", raising=False)


def test_a_token_is_kept_for_its_address() -> None:
    file = keep_token("http://here:1/", "one")
    keep_token("http://there:2", "two")
    assert (token_for("http://here:1"), token_for("http://there:2/")) == ("one", "two")
    assert file.stat().st_mode & 0o077 == 0


def test_without_login_there_is_no_token() -> None:
    with pytest.raises(NotLoggedInError, match="fourgates login"):
        token_for("http://here:1")


def test_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_token("http://here:1", "kept")
    monkeypatch.setenv("FOURGATES_TOKEN", "given")
    assert token_for("http://here:1") == "given"
