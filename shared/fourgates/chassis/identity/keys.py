"""The signing key of the development issuer, made once and kept in a file that only its owner can read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from fourgates.chassis.private_files import load_or_make

ALGORITHM = "Ed25519"


class BadKeyFile(Exception):
    """A file that should hold the signing key and does not."""


class SigningKey:
    """A key that signs tokens, and what is published of it."""

    def __init__(self, key: OKPKey) -> None:
        key.ensure_kid()
        self.key = key

    @property
    def kid(self) -> str:
        """The id of the key: its thumbprint."""
        return str(self.key.kid)

    def jwks(self) -> dict[str, Any]:
        """Return the set of public keys."""
        public = self.key.as_dict(private=False)
        return {"keys": [{**public, "use": "sig", "alg": ALGORITHM}]}


def new_signing_key() -> SigningKey:
    """Return a key that was never used before."""
    return SigningKey(OKPKey.generate_key("Ed25519"))


def load_or_make_signing_key(path: Path) -> SigningKey:
    """Return the key in a file, made with rights for its owner only when it is missing.

    Raises `BadKeyFile` when it holds something else.
    """
    kept = load_or_make(path, lambda: json.dumps(new_signing_key().key.as_dict(private=True)).encode())
    try:
        return SigningKey(OKPKey.import_key(json.loads(kept)))
    except (ValueError, JoseError) as error:
        raise BadKeyFile(f"{path} holds no Ed25519 key") from error
