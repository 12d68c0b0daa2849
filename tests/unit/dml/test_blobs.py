"""Bytes on disk: kept once they are complete and true, and never handed out when they are not."""

from __future__ import annotations

import hashlib

import pytest
from dml_service.adapters import FileBlobs, MemoryBlobs, path_of

BYTES = b"a wheel"
DIGEST = hashlib.sha256(BYTES).hexdigest()


@pytest.fixture(params=["disk", "memory"])
def blobs(request, tmp_path):
    return FileBlobs(tmp_path, chunk_bytes=4096) if request.param == "disk" else MemoryBlobs()


def put(blobs, content=BYTES, digest=DIGEST):
    upload = blobs.begin()
    try:
        upload.write(content[:3])
        upload.write(content[3:])
        return upload.keep(digest)
    finally:
        upload.close()


def test_bytes_are_kept_under_their_digest(blobs):
    assert not blobs.holds(DIGEST)
    assert put(blobs)
    assert put(blobs)
    assert blobs.holds(DIGEST)
    assert blobs.sound_size(DIGEST) == len(BYTES)
    assert b"".join(blobs.read(DIGEST)) == BYTES


def test_bytes_with_another_digest_are_not_kept(blobs):
    assert not put(blobs, b"another wheel")
    assert not blobs.holds(DIGEST)
    assert blobs.sound_size(DIGEST) is None


def test_an_upload_that_broke_off_leaves_nothing(tmp_path):
    upload = FileBlobs(tmp_path, chunk_bytes=4096).begin()
    upload.write(BYTES)
    upload.close()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_damaged_bytes_are_not_sound_and_are_healed_by_the_true_ones(tmp_path):
    blobs = FileBlobs(tmp_path, chunk_bytes=4096)
    put(blobs)
    path = path_of(tmp_path, DIGEST)
    path.chmod(0o600)
    path.write_bytes(b"a whale")
    assert blobs.sound_size(DIGEST) is None
    assert put(blobs)
    assert blobs.sound_size(DIGEST) == len(BYTES)


@pytest.mark.parametrize("name", ["../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_only_a_digest_is_a_place(tmp_path, name):
    with pytest.raises(ValueError, match=r".*"):
        path_of(tmp_path, name)
