"""Secrets as they are kept: hashed by scrypt with a salt of their own."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import threading

COST = 2**14
BLOCK = 8
PARALLEL = 1
SALT_BYTES = 16
HASH_BYTES = 32
SECRET_CHARS_MAX = 1024
_COST_MAX = 2**17
_AT_ONCE = threading.BoundedSemaphore(2)


def hash_secret(secret: str, *, salt: bytes | None = None) -> str:
    """Return what is kept of a secret: `scrypt$cost$block$parallel$salt$hash`."""
    chosen = salt or secrets.token_bytes(SALT_BYTES)
    hashed = _scrypt(secret, chosen, COST, BLOCK, PARALLEL)
    return "$".join(["scrypt", str(COST), str(BLOCK), str(PARALLEL), _text(chosen), _text(hashed)])


def verify_secret(secret: str, kept: str) -> bool:
    """Tell, in constant time, whether a secret is the one that was hashed."""
    cost, block, parallel, salt, expected = _parts(kept)
    if len(secret) > SECRET_CHARS_MAX:
        return False
    return hmac.compare_digest(_scrypt(secret, salt, cost, block, parallel), expected)


def is_hash(kept: str) -> bool:
    """Tell whether a text is a hash that `verify_secret` can read."""
    try:
        _parts(kept)
    except ValueError:
        return False
    return True


def _parts(kept: str) -> tuple[int, int, int, bytes, bytes]:
    """Raises `ValueError` for what is no hash, or costs more than a login may."""
    try:
        name, cost, block, parallel, salt, hashed = kept.split("$")
        numbers = int(cost), int(block), int(parallel)
        parts = (*numbers, base64.b64decode(salt, validate=True), base64.b64decode(hashed, validate=True))
    except (ValueError, binascii.Error) as error:
        raise ValueError("this is no hash of a secret") from error
    sound = 1 < numbers[0] <= _COST_MAX and numbers[0] & (numbers[0] - 1) == 0 and numbers[1:] == (BLOCK, PARALLEL)
    if name != "scrypt" or not sound or len(parts[3]) < SALT_BYTES or len(parts[4]) != HASH_BYTES:
        raise ValueError("this is no hash of a secret")
    return parts


def _scrypt(secret: str, salt: bytes, cost: int, block: int, parallel: int) -> bytes:
    # Each hash takes memory and time on purpose; a crowd of logins waits in line.
    with _AT_ONCE:
        return hashlib.scrypt(
            secret.encode("utf-8", "surrogatepass"),
            salt=salt,
            n=cost,
            r=block,
            p=parallel,
            dklen=HASH_BYTES,
            maxmem=2**28,
        )


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
