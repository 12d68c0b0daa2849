"""Of several makers of one secret, one wins, and all read the same."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest
from fourgates.chassis.private_files import load_or_make


def test_all_read_what_one_made(tmp_path):
    path = tmp_path / "folder" / "secret"
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(lambda _: load_or_make(path, lambda: secrets.token_bytes(32)), range(32)))
    assert len(set(read)) == 1
    assert len(read[0]) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["secret"]


def test_a_maker_that_fails_leaves_nothing(tmp_path):
    def fail() -> bytes:
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        load_or_make(tmp_path / "secret", fail)
    assert list(tmp_path.iterdir()) == []
