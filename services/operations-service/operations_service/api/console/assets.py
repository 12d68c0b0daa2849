"""The files that the pages use: our own, and those of others with the hash that a browser is to find."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

STATIC = Path(__file__).parents[1] / "static"
LIST = STATIC / "vendor" / "SHA256SUMS"
_TYPES = {".css": "text/css", ".js": "text/javascript"}


@dataclass(frozen=True)
class Asset:
    """One file, where it lies, and its hash if it is none of ours."""

    path: Path
    integrity: str = ""

    @property
    def media_type(self) -> str:
        """The media type."""
        return _TYPES[self.path.suffix]

    @property
    def for_ever(self) -> bool:
        """True when the address holds the version, so that what was fetched once stays right."""
        return bool(self.integrity)


def _vendored() -> dict[str, str]:
    """Return the list of hashes, as a browser reads them, by the path of the file."""
    lines = LIST.read_text(encoding="utf-8").splitlines()
    listed = {name: digest for digest, name in (line.split("  ") for line in lines)}
    return {name: f"sha256-{base64.b64encode(bytes.fromhex(digest)).decode()}" for name, digest in listed.items()}


def _assets() -> dict[str, Asset]:
    hashes = _vendored()
    vendored = ("pico-2.1.1/pico.min.css", "htmx.org-4.0.1/htmx.min.js", "htmx.org-4.0.1/hx-sse.min.js")
    own = {name: Asset(STATIC / name) for name in ("console.css", "console.js")}
    return {name: Asset(STATIC / "vendor" / name, hashes[name]) for name in vendored} | own


ASSETS: Mapping[str, Asset] = _assets()
