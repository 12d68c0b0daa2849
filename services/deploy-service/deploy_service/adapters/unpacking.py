"""Unpacking wheels with limits, and the digest of what is unpacked; nothing here trusts an archive."""

from __future__ import annotations

import hashlib
import io
import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

CHUNK_BYTES = 65_536
PATH_CHARS_MAX = 400
# Where a wheel keeps what belongs beside its packages.
LIBRARIES = ("purelib", "platlib")
# What reading a damaged archive raises: the decompressors bring errors of their own.
DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(NotImplementedError, RuntimeError, EOFError, OSError, ValueError, IndexError),
)


class BadArchive(Exception):
    """An archive that is not unpacked: too much in it, or a path that leads elsewhere."""


@dataclass(frozen=True)
class Limits:
    """The most that one item may unpack to."""

    bytes_max: int
    entries_max: int


def unpacked(content: bytes, limits: Limits) -> dict[str, bytes]:
    """Return the files of a wheel by their path. Raises `BadArchive`."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    except DAMAGE as error:
        raise BadArchive("it is no wheel") from error
    with archive:
        if len(archive.infolist()) > limits.entries_max:
            raise BadArchive(f"it has more than {limits.entries_max} entries")
        files: dict[str, bytes] = {}
        left = limits.bytes_max
        for entry in entries:
            path = _safe_path(entry)
            if path in files:
                raise BadArchive(f"{path} is in it twice")
            files[path] = _read(archive, entry, left)
            left -= len(files[path])
    return files


def _safe_path(entry: zipfile.ZipInfo) -> str:
    name = entry.filename
    parts = PurePosixPath(name).parts
    odd = "\\" in name or ":" in name or "\0" in name or len(name) > PATH_CHARS_MAX
    if odd or not parts or name.startswith("/") or any(part in {"..", "."} for part in name.split("/")):
        raise BadArchive("it has a path that leads elsewhere")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in {0, stat.S_IFREG}:
        raise BadArchive(f"{name} is no plain file")
    if len(parts) > 2 and parts[0].endswith(".data") and parts[1] in LIBRARIES:  # noqa: PLR2004 - data folder, scheme, file
        parts = parts[2:]
    return str(PurePosixPath(*parts))


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int) -> bytes:
    """Read one file and stop at the limit, whatever the archive says of its size."""
    content = bytearray()
    try:
        with archive.open(entry) as stream:
            while piece := stream.read(CHUNK_BYTES):
                content += piece
                if len(content) > left:
                    raise BadArchive("it unpacks to more bytes than are allowed")
    except DAMAGE as error:
        raise BadArchive("it is damaged") from error
    return bytes(content)


def manifest_digest(digests: Mapping[str, str]) -> str:
    """Return the digest of a set of files: each path with the sha256 of its bytes."""
    lines = "".join(f"{path}\0{digests[path]}\n" for path in sorted(digests))
    return hashlib.sha256(lines.encode()).hexdigest()


def manifest_of_files(files: Mapping[str, bytes]) -> str:
    """Return the manifest digest of files in memory."""
    return manifest_digest({path: hashlib.sha256(content).hexdigest() for path, content in files.items()})


def manifest_of_folder(folder: Path) -> str:
    """Return the manifest digest of what really lies in a folder."""
    digests: dict[str, str] = {}
    for path in folder.rglob("*"):
        if path.is_symlink():
            digests[path.relative_to(folder).as_posix()] = "a link"
        elif path.is_file():
            with path.open("rb") as stream:
                digests[path.relative_to(folder).as_posix()] = hashlib.file_digest(stream, "sha256").hexdigest()
    return manifest_digest(digests)
