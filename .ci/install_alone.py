#!/usr/bin/env python3
"""Install one service, or the issuer, into a virtual environment of its own: `.ci/install_alone.py <name> <folder>`.

Third-party packages come from requirements.lock by their hashes, members from this repository without dependencies, and
nothing else comes in. `bin/serve` in the folder starts it. The image and `make alone` both install in this way.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ISSUER = "issuer"
SHARED = "shared"
LOCKED = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^\s;]+)( *;[^\\\n]*)?", re.MULTILINE)
NEEDED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(\[[^\]]*\])?")
START_SERVICE = """#!{python}
import sys

from fourgates.chassis.process.__main__ import main

sys.exit(main(["{name}", *sys.argv[1:]]))
"""
START_ISSUER = """#!{python}
import sys

from fourgates.chassis.identity.process import main

sys.exit(main())
"""


def members_of(name: str) -> list[str]:
    """Return the folders of the members that are installed."""
    return [SHARED] if name == ISSUER else [SHARED, f"services/{name}-service"]


def needed_by(members: list[str]) -> list[str]:
    """Return what the members themselves need from outside, each with the version in the lock."""
    locked: dict[str, list[str]] = {}
    for package, version, marker in LOCKED.findall((ROOT / "requirements.lock").read_text()):
        locked.setdefault(package, []).append(f"=={version}{marker.rstrip()}")
    own = {_project(member)["name"] for member in members}
    found = [NEEDED.match(needed) for member in members for needed in _project(member)["dependencies"]]
    parts = [match.groups(default="") for match in found if match is not None and match[1] not in own]
    return [f"{package}{extras}{pin}" for package, extras in parts for pin in locked[package.lower()]]


def install(name: str, folder: Path) -> None:
    """Make the virtual environment anew."""
    members = members_of(name)
    python = folder / "bin" / "python"
    _uv("venv", "--clear", "--python", sys.executable, str(folder))
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as wanted:
        wanted.write("".join(f"{one}\n" for one in needed_by(members)))
        wanted.flush()
        # What the needed packages need in turn is held to the lock, and to its hashes, as a constraint.
        lock = ["--constraint", str(ROOT / "requirements.lock")]
        _uv("pip", "install", "--python", str(python), "--require-hashes", *lock, "--requirements", wanted.name)
    paths = [str(ROOT / member) for member in members]
    # Without the cache: it would take a member for unchanged as long as its pyproject.toml is.
    _uv("pip", "install", "--python", str(python), "--no-cache", "--no-deps", "--no-index", *paths)
    serve = folder / "bin" / "serve"
    serve.write_text((START_ISSUER if name == ISSUER else START_SERVICE).format(python=python.absolute(), name=name))
    serve.chmod(0o755)


def _project(member: str) -> dict[str, list[str]]:
    project: dict[str, list[str]] = tomllib.loads((ROOT / member / "pyproject.toml").read_text())["project"]
    return project


def _uv(*arguments: str) -> None:
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}")
    if uv is None:
        sys.exit("uv is needed, and is not beside this Python or on the PATH")
    subprocess.run([uv, "--quiet", *arguments], check=True)


def main(arguments: list[str]) -> int:
    """Install; return the exit code."""
    known = {ISSUER, *(path.name.removesuffix("-service") for path in (ROOT / "services").glob("*-service"))}
    if len(arguments) != 2 or arguments[0] not in known:  # noqa: PLR2004 - a name and a folder
        sys.stderr.write(f"usage: install_alone.py <{'|'.join(sorted(known))}> <folder>\n")
        return 2
    install(arguments[0], Path(arguments[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
