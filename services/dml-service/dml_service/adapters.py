"""The bytes of media items: written once under their digest, never changed, verified whenever they are read."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_DIGEST = re.compile(r"[0-9a-f]{64}")


class FileBlobs:
    """A folder `sha256/ab/cd/<digest>`: files are completed beside it, flushed, and then renamed into place."""

    def __init__(self, folder: Path, *, chunk_bytes: int) -> None:
        self._folder = folder
        self._chunk_bytes = chunk_bytes

    def holds(self, sha256: str) -> bool:
        """Return whether something is kept under a digest."""
        return self._path(sha256).is_file()

    def sound_size(self, sha256: str) -> int | None:
        """Read all that is kept under a digest and return its size; nothing when it is absent or damaged."""
        if not self.holds(sha256):
            return None
        digest = hashlib.sha256()
        size_bytes = 0
        for chunk in self.read(sha256):
            digest.update(chunk)
            size_bytes += len(chunk)
        return size_bytes if digest.hexdigest() == sha256 else None

    def read(self, sha256: str) -> Iterator[bytes]:
        """Yield what is kept under a digest. Raises `FileNotFoundError`."""
        with self._path(sha256).open("rb") as file:
            while chunk := file.read(self._chunk_bytes):
                yield chunk

    def begin(self) -> Upload:
        """Return a place for bytes that arrive."""
        return Upload(self._folder)

    def _path(self, sha256: str) -> Path:
        return path_of(self._folder, sha256)


class Upload:
    """Bytes that arrive: kept apart until they are complete and have the digest that was announced."""

    def __init__(self, folder: Path) -> None:
        arriving = folder / "arriving"
        arriving.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=arriving)
        self._file: BinaryIO = os.fdopen(handle, "wb")
        self._name = Path(name)
        self._folder = folder
        self._digest = hashlib.sha256()
        self._size_bytes = 0

    @property
    def size_bytes(self) -> int:
        """How many bytes arrived."""
        return self._size_bytes

    def write(self, piece: bytes) -> None:
        """Add a piece."""
        self._file.write(piece)
        self._digest.update(piece)
        self._size_bytes += len(piece)

    def keep(self, sha256: str) -> bool:
        """Put the bytes in place, durably; do nothing and return False when they have another digest."""
        if self._digest.hexdigest() != sha256:
            return False
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        path = path_of(self._folder, sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._name.chmod(0o440)
        self._name.replace(path)
        # The rename and the folders above it are only kept over a power loss once they are flushed too.
        for folder in (path.parent, path.parent.parent, path.parent.parent.parent):
            _flush_folder(folder)
        return True

    def close(self) -> None:
        """Forget what was not kept."""
        self._file.close()
        self._name.unlink(missing_ok=True)


def path_of(folder: Path, sha256: str) -> Path:
    """Return where the bytes of a digest are. Raises `ValueError` for what is no digest."""
    if not _DIGEST.fullmatch(sha256):
        raise ValueError(sha256)
    return folder / "sha256" / sha256[:2] / sha256[2:4] / sha256


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class MemoryBlobs:
    """The same for a service that keeps nothing on disk."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def holds(self, sha256: str) -> bool:
        """Return whether something is kept under a digest."""
        return sha256 in self._kept

    def sound_size(self, sha256: str) -> int | None:
        """Return the size of what is kept under a digest, or nothing."""
        return len(self._kept[sha256]) if sha256 in self._kept else None

    def read(self, sha256: str) -> Iterator[bytes]:
        """Yield what is kept under a digest."""
        yield self._kept[sha256]

    def begin(self) -> MemoryUpload:
        """Return a place for bytes that arrive."""
        return MemoryUpload(self._kept)


class MemoryUpload:
    """Bytes that arrive in memory."""

    def __init__(self, kept: dict[str, bytes]) -> None:
        self._kept = kept
        self._pieces = bytearray()

    @property
    def size_bytes(self) -> int:
        """How many bytes arrived."""
        return len(self._pieces)

    def write(self, piece: bytes) -> None:
        """Add a piece."""
        self._pieces += piece

    def keep(self, sha256: str) -> bool:
        """Keep the bytes; do nothing and return False when they have another digest."""
        if hashlib.sha256(self._pieces).hexdigest() != sha256:
            return False
        self._kept[sha256] = bytes(self._pieces)
        return True

    def close(self) -> None:
        """Forget what was not kept."""
        self._pieces.clear()
