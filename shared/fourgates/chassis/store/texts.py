"""Texts of strangers in a form that every database can hold."""

from __future__ import annotations

import json


def escaped(text: str) -> str:
    """Return a text without NUL and half characters, whatever was sent; a plain one stays as it is."""
    return json.dumps(text)[1:-1]


def unescaped(text: str) -> str:
    """Return what was escaped."""
    return str(json.loads(f'"{text}"'))


def readable(text: str) -> str:
    """Return a text that can be encoded, whatever was sent; half characters are written out."""
    return text.encode("utf-8", "backslashreplace").decode()
