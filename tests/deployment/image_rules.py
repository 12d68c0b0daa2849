"""What the Dockerfile has to be like besides what hadolint asks for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from tests.deployment.reading import Image

INSTALLED = "/opt/fourgates"


def problems_of(image: Image, root: Path) -> list[str]:
    """Everything that is wrong."""
    return [*_base(image), *_last_stage(image), *_started(image), *_installed(image), *_copied(image, root)]


def _base(image: Image) -> Iterator[str]:
    given = dict(rest.split("=", 1) for word, rest in image.instructions if word == "ARG" and "=" in rest)
    for base in [rest.split()[0] for word, rest in image.instructions if word == "FROM"]:
        name = re.sub(r"\$\{([A-Z]+)\}", lambda match: given.get(match[1], ""), base)
        if not re.fullmatch(r"docker\.io/library/python:3\.11-slim@sha256:[0-9a-f]{64}", name):
            yield f"the base can change: {name}"


def _last_stage(image: Image) -> Iterator[str]:
    words = [word for word, _ in image.final]
    if "RUN" in words or "ADD" in words:
        yield "the last stage does more than copy"
    copied = [rest for word, rest in image.final if word == "COPY"]
    if not all("--from=build" in rest for rest in copied):
        yield "the last stage holds sources"
    if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", image.said("USER")):
        yield "it runs as root"
    labels = re.findall(r"org\.opencontainers\.image\.([a-z]+)=", image.said("LABEL"))
    missing = {"title", "description", "version", "revision", "licenses"} - set(labels)
    if missing:
        yield f"labels are missing: {sorted(missing)}"


def _started(image: Image) -> Iterator[str]:
    if image.said("STOPSIGNAL") != "SIGTERM":
        yield "it is not asked to end by SIGTERM"
    if not image.said("ENTRYPOINT").startswith("["):
        yield "a shell stands between it and its signals"
    elif json.loads(image.said("ENTRYPOINT")) != [f"{INSTALLED}/bin/serve"]:
        yield "it starts something else than what is installed"
    if image.said("EXPOSE") != image.environment.get("FOURGATES_PORT"):
        yield "it listens on another port than it says"
    if not image.said("HEALTHCHECK"):
        yield "nobody asks for its health"
    elif "curl" in image.said("HEALTHCHECK") or not image.health_command[0].startswith(INSTALLED):
        yield "its health is asked for by something that is not in it"


def _installed(image: Image) -> Iterator[str]:
    steps = [rest for word, rest in image.instructions if word == "RUN"]
    if not any(f'.ci/install_alone.py "${{SERVICE}}" {INSTALLED}' in step for step in steps):
        yield "it is not installed as `make alone` does"
    if any("pip install" in step and "--require-hashes" not in step for step in steps):
        yield "something is installed without hashes"


def _copied(image: Image, root: Path) -> Iterator[str]:
    """Look whether exactly what is copied is sent to the builder."""
    lines = [line for line in (root / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    sent = {line[1:].rstrip("/") for line in lines if line.startswith("!")}
    copied = {
        source.rstrip("/")
        for word, rest in image.instructions
        if word == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    }
    if lines[:1] != ["*"]:
        yield "everything is sent to the builder"
    yield from (f"{source} is copied and not sent" for source in sorted(copied - sent))
    yield from (f"{source} is sent and not copied" for source in sorted(sent - copied))
    yield from (f"{source} does not exist" for source in sorted(copied) if not (root / source).exists())
