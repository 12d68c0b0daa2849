"""The signing key of the development issuer, made once and kept in a file that only its owner can read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from joserfc.jwk import KeySet, OKPKey

ALGORITHM = "Ed25519"


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
    """Return the key in a file, made with rights for its owner only when it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        kept = KeySet.import_key_set({"keys": [json.loads(path.read_text("utf-8"))]}).keys[0]
        if not isinstance(kept, OKPKey):
            raise TypeError(f"{path} holds no Ed25519 key") from None
        return SigningKey(kept)
    made = new_signing_key()
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(made.key.as_dict(private=True), file)
    return made
