#!/usr/bin/env python3
"""Make the secrets of docker-compose.yml and of k8s/overlays/development: `make secrets`.

Demo people and machine accounts as `fourgates up` makes them, a password for each role of the database, and the keys of
page tokens. What is there already stays; nothing of it belongs into a repository.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from pathlib import Path

from fourgates_cli.people import ensure_people, people_file
from fourgates_cli.tokens import write_private

SERVICES = ("change", "release", "dml", "deploy", "review", "operations")
# Those that keep files which all replicas share make their own key there.
WITHOUT_SHARED_FILES = ("change", "release", "review", "operations")
OWNER = "fourgates"
INSTALLATION = Path(".fourgates/installation")
OVERLAY = Path("k8s/overlays/development/secrets")
PASSWORD_BYTES = 24
KEY_BYTES = 32


def make_secrets(root: Path) -> None:
    """Make what is missing, and write everything that follows from it anew."""
    folder = root / INSTALLATION
    accounts = ensure_people(folder)
    folder.chmod(0o700)
    # The folder keeps everybody else out. A container is given this one file, and reads it as another user.
    people_file(folder).chmod(0o644)
    passwords = _passwords(folder / "passwords.json")
    urls = {role: f"postgresql://{role}:{password}@postgres:5432/fourgates" for role, password in passwords.items()}
    for_compose = {"OWNER_DATABASE_PASSWORD": passwords[OWNER]}
    for name in SERVICES:
        for_compose[f"{name.upper()}_DATABASE_PASSWORD"] = passwords[name]
        for_compose[f"{name.upper()}_CLIENT_SECRET"] = accounts.machine(f"{name}-service")
    _write(root / ".env", for_compose)
    overlay = root / OVERLAY
    overlay.mkdir(parents=True, exist_ok=True)
    overlay.chmod(0o700)
    write_private(overlay / "people.json", people_file(folder).read_text())
    _write(overlay / "postgres.env", {"password": passwords[OWNER]})
    _write(overlay / "owner.env", {"database-url": urls[OWNER]})
    for name in SERVICES:
        machine = accounts.machine(f"{name}-service")
        _write(overlay / f"{name}.env", {"database-url": urls[name], "client-secret": machine})
    for name in WITHOUT_SHARED_FILES:
        _key(overlay / f"{name}-page-token.key")


def _passwords(file: Path) -> dict[str, str]:
    """Return a password for each role of the database, made once."""
    if not file.exists():
        made = {role: secrets.token_urlsafe(PASSWORD_BYTES) for role in (OWNER, *SERVICES)}
        write_private(file, json.dumps(made, indent=2))
    kept: dict[str, str] = json.loads(file.read_text())
    return kept


def _key(file: Path) -> None:
    if not file.exists():
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(secrets.token_bytes(KEY_BYTES))


def _write(file: Path, values: dict[str, str]) -> None:
    write_private(file, "".join(f"{name}={value}\n" for name, value in values.items()))


def main(arguments: list[str]) -> int:
    """Make the secrets in a repository; return the exit code."""
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parents[1]
    make_secrets(root)
    sys.stdout.write(f"The people's secrets: {INSTALLATION / 'people-secrets.json'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
