"""The parts of the console that others wrote: which files of which package, and how they are fetched anew.

Run as a program, it fetches them from npm, and writes the list of their hashes; the tests compare.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "services/operations-service/operations_service/api/static/vendor"
LIST = "SHA256SUMS"
# To take a newer version: change it here, run `make vendored`, and name the folder in api/console/assets.py.
PACKAGES: Mapping[str, Mapping[str, str]] = {
    "htmx.org@4.0.1": {
        "dist/htmx.min.js": "htmx.min.js",
        "dist/ext/hx-sse.min.js": "hx-sse.min.js",
        "LICENSE": "LICENSE",
    },
    "@picocss/pico@2.1.1": {"css/pico.min.css": "pico.min.css", "LICENSE.md": "LICENSE.md"},
}


def folder_of(package: str) -> str:
    """`@picocss/pico@2.1.1` lies in pico-2.1.1."""
    name, _, version = package.rpartition("@")
    return f"{name.rpartition('/')[2]}-{version}"


def expected() -> set[str]:
    """Every file that lies here, by its path, but for the list."""
    return {f"{folder_of(package)}/{name}" for package, files in PACKAGES.items() for name in files.values()}


def hashes() -> dict[str, str]:
    """The SHA-256 of every file as it lies here."""
    files = sorted(path for path in FOLDER.rglob("*") if path.is_file() and path.name != LIST)
    return {str(path.relative_to(FOLDER)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def listed() -> dict[str, str]:
    """The list, in the form that `sha256sum -c` reads."""
    lines = (FOLDER / LIST).read_text().splitlines()
    return {name: digest for digest, name in (line.split("  ") for line in lines)}


def fetch(package: str, files: Mapping[str, str], into: Path) -> None:
    """Fetch a package, and keep these files of it."""
    with tempfile.TemporaryDirectory() as made:
        packing = ["npm", "pack", "--silent", "--pack-destination", made, package]
        subprocess.run(packing, check=True, cwd=made, stdout=subprocess.DEVNULL)
        (packed,) = Path(made).glob("*.tgz")
        with tarfile.open(packed) as archive:
            for path, name in files.items():
                found = archive.extractfile(f"package/{path}")
                assert found is not None, path
                (into / name).write_bytes(found.read())


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    for package, files in PACKAGES.items():
        into = FOLDER / folder_of(package)
        into.mkdir(parents=True)
        fetch(package, files, into)
    (FOLDER / LIST).write_text("".join(f"{digest}  {name}\n" for name, digest in hashes().items()))


if __name__ == "__main__":
    main()
