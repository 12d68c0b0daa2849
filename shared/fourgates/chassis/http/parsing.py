"""Reads what callers send, strictly: JSON bodies, media types, entity tags, idempotency keys, query parameters."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from fourgates.chassis.http.problems import Problem, pointer
from fourgates.chassis.prose import UNSTORABLE

QUERY_PARAMETERS_MAX = 100
_SUSPECT = re.compile(r"\\(u(00[01]|d[89a-f])|[bf])", re.IGNORECASE)
_STRING_ITEM = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_BARE_TOKEN = re.compile(r"[\x21\x23-\x7e]+")
_ETAG = re.compile(r'\s*(W/)?"([\x21\x23-\x7e]*)"\s*')
_KEY_MAX = 255
# These messages of the library would repeat a part of the input.
_OWN_WORDS = {
    "uuid_parsing": "Input should be a valid UUID",
    "uuid_type": "Input should be a valid UUID",
    "datetime_from_date_parsing": "Input should be a valid time with an offset",
    "datetime_parsing": "Input should be a valid time with an offset",
    "date_from_datetime_parsing": "Input should be a valid date",
    "url_parsing": "Input should be a valid URL",
}


@dataclass(frozen=True)
class Tags:
    """A list of entity tags, or any (`*`). Weak ones are known as such."""

    any: bool
    strong: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()


def parse_json(raw: bytes) -> Any:
    """Parse a body. Raises the 400 and 422 problems: unparsable, a repeated name, text that no store can keep."""
    try:
        text = raw.decode("utf-8")
        value = _DECODER.decode(text)
    except _Repeated as repeated:
        raise Problem("invalid", errors=[_error(pointer=pointer([repeated.name]), code="repeated-name")]) from repeated
    except (ValueError, RecursionError) as error:
        raise Problem("unparsable") from error
    if _SUSPECT.search(text):
        found = [_error(pointer=where, code="unstorable-text") for where in _unstorable(value)]
        if found:
            raise Problem("invalid", errors=found)
    return value


def parse_body(adapter: TypeAdapter[Any], raw: bytes) -> Any:
    """Parse and validate a body. Raises the 400 and 422 problems."""
    try:
        value = adapter.validator.validate_json(raw)
    except ValidationError as error:
        # What cannot be read at all, or says two things at once, is told first.
        parse_json(raw)
        found = error.errors(include_input=False, include_url=False, include_context=False)
        if any(e["type"] == "json_invalid" for e in found):
            raise Problem("unparsable") from error
        raise invalid(found, body_only=True) from error
    if b"\\" in raw or not _no_name_repeats(value, raw):
        parse_json(raw)
    return value


def _no_name_repeats(value: Any, raw: bytes) -> bool:
    """Tell whether each name certainly stands once in a body: a colon follows each, and there is one for each field.

    So most bodies need not be parsed a second time. It holds for models that set each field by its own name.
    """
    return isinstance(value, BaseModel) and raw.count(b":") == len(value.model_fields_set)


def invalid(found: Sequence[ErrorDetails] | Sequence[Mapping[str, Any]], *, body_only: bool = False) -> Problem:
    """Return the 422 with a pointer, a parameter or a header for each error; 404 when the path holds no id."""
    if not body_only and any(e["loc"][:1] == ("path",) for e in found):
        return Problem("not-found")
    return Problem("invalid", errors=[_described(e, body_only=body_only) for e in found])


def _described(error: Mapping[str, Any], *, body_only: bool) -> dict[str, str]:
    kind = str(error["type"])
    told = {"code": kind.replace("_", "-"), "detail": _OWN_WORDS.get(kind, str(error["msg"]))}
    if body_only:
        return {"pointer": pointer(error["loc"]), **told}
    place, *rest = error["loc"]
    if place in {"query", "header", "cookie"}:
        return {"parameter" if place == "query" else str(place): ".".join(map(str, rest)), **told}
    return {"pointer": pointer(rest), **told}


def check_query(request_query: bytes, single: Collection[str], repeatable: Collection[str]) -> None:
    """Refuse unknown and repeated parameters (400), and text that no store can keep (422)."""
    if not request_query:
        return
    try:
        given = parse_qsl(
            request_query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=QUERY_PARAMETERS_MAX
        )
    except UnicodeDecodeError as error:
        raise Problem("invalid", "The query is not UTF-8.") from error
    except ValueError as error:
        raise Problem("unparsable", "The query has too many parameters.") from error
    names = [name for name, _ in given]
    unknown = sorted({n for n in names if n not in single and n not in repeatable})
    if unknown:
        known = ", ".join(sorted({*single, *repeatable})) or "none"
        detail = f"Known parameters: {known}."
        errors = [{"parameter": _shown(n), "code": "unknown-parameter", "detail": detail} for n in unknown]
        raise Problem("unknown-parameter", errors=errors)
    repeated = sorted({n for n in names if n in single and names.count(n) > 1})
    if repeated:
        raise Problem("repeated-parameter", errors=[_error(parameter=n, code="repeated-parameter") for n in repeated])
    bad = sorted({name for name, value in given if UNSTORABLE.search(value)})
    if bad:
        raise Problem("invalid", errors=[_error(parameter=n, code="unstorable-text") for n in bad])


def check_content_type(header: str | None, allowed: Sequence[str]) -> None:
    """Refuse a body of another media type, or of another character set than UTF-8 (415)."""
    if header in allowed:
        return
    message = Message()
    message["content-type"] = header or ""
    given = message.get_content_type() if header else ""
    charset = message.get_content_charset("utf-8") if header else "utf-8"
    if given not in allowed or charset not in {"utf-8", "us-ascii"}:
        raise Problem("unsupported-media-type", f"Send {' or '.join(allowed)}.")


def check_accept(header: str | None, served: Sequence[str]) -> None:
    """Refuse a request that accepts nothing of what is served (406)."""
    if header is None or not header.strip():
        return
    ranges = [_media_range(part) for part in header.split(",")[:QUERY_PARAMETERS_MAX]]
    if not any(_accepted(media_type, ranges) for media_type in served):
        raise Problem("not-acceptable", f"Served here: {', '.join(served)}.")


def _media_range(part: str) -> tuple[str, float]:
    kind, *parameters = (p.strip().lower() for p in part.split(";"))
    quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
    try:
        return kind, float(quality)
    except ValueError:
        return kind, 0.0


def _accepted(media_type: str, ranges: Sequence[tuple[str, float]]) -> bool:
    """Tell whether a type is accepted: the most specific range that names it decides."""
    for candidate in (media_type, f"{media_type.split('/', maxsplit=1)[0]}/*", "*/*"):
        weights = [quality for kind, quality in ranges if kind == candidate]
        if weights:
            return max(weights) > 0
    return False


def parse_tags(headers: Sequence[str], name: str) -> Tags | None:
    """Read `If-Match` or `If-None-Match`. Raises the 400 problem."""
    if not headers:
        return None
    text = ",".join(headers).strip()
    if text == "*":
        return Tags(any=True)
    found = [_ETAG.fullmatch(part) for part in text.split(",")]
    if not all(found):
        raise Problem("bad-header", errors=[_error(header=name, code="no-entity-tag")])
    matched = [m for m in found if m]
    return Tags(
        any=False,
        strong=tuple(m[2] for m in matched if not m[1]),
        weak=tuple(m[2] for m in matched if m[1]),
    )


def parse_key(headers: Sequence[str]) -> str | None:
    """Read `Idempotency-Key`: a structured string, or the bare token that most clients send. Raises the 400 problem."""
    if not headers:
        return None
    text = headers[0].strip(" \t")
    quoted = _STRING_ITEM.fullmatch(text)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else text if _BARE_TOKEN.fullmatch(text) else ""
    if len(headers) > 1 or not 0 < len(key) <= _KEY_MAX:
        raise Problem("bad-header", errors=[_error(header="Idempotency-Key", code="no-idempotency-key")])
    return key


class _Repeated(Exception):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__("a name is repeated")


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _Repeated(_shown(name))
            seen.add(name)
    return found


# Made once: making one takes as long as reading a small body.
_DECODER = json.JSONDecoder(object_pairs_hook=_unrepeated)


def _unstorable(value: Any) -> Iterator[str]:
    """Yield a pointer to each text that no store can keep; a bad name is shown by the object that holds it."""
    waiting: list[tuple[tuple[int | str, ...], Any]] = [((), value)]
    while waiting:
        place, found = waiting.pop()
        if isinstance(found, str) and UNSTORABLE.search(found):
            yield pointer(place)
        elif isinstance(found, list):
            waiting.extend(((*place, i), member) for i, member in enumerate(found))
        elif isinstance(found, dict):
            if any(UNSTORABLE.search(name) for name in found):
                yield pointer(place)
            waiting.extend(((*place, _shown(name)), member) for name, member in found.items())


def _shown(name: str) -> str:
    return UNSTORABLE.sub("?", name[:100])


_DETAILS = {
    "repeated-name": "A name stands twice in one object",
    "unstorable-text": "Text must not contain NUL, lone surrogates or control characters",
    "repeated-parameter": "Send this parameter once",
    "no-entity-tag": 'Send entity tags such as "3", or *',
    "no-idempotency-key": "Send one key of 1 to 255 printable ASCII characters",
}


def _error(*, code: str, **place: str) -> dict[str, str]:
    return {**place, "code": code, "detail": _DETAILS[code]}
