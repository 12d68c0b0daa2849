"""The files that deploy Fourgates, read as their tools read them: the Dockerfile, docker-compose.yml, k8s/."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from fourgates.chassis.testing.lacking import Lacking

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("change", "release", "dml", "deploy", "review", "operations")
OURS = re.compile(r"fourgates/([a-z]+):0\.1\.0")
# A host with its port in a setting: in a URL, behind its user and password, or alone.
ADDRESS = re.compile(r"(?://|@|^|,)([a-z{][a-z0-9.{}-]*):(\d+)(?=[/,?]|$)")
VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::([-?])([^}]*))?\}")
Resource = dict[str, Any]


def tool(name: str) -> str:
    """A program that `make setup` installs, or that is on the PATH."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}") or shutil.which(name)
    if found is None:
        raise Lacking("A check of deployment files", f"there is no {name}", name)
    return found


def run(*command: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **more)


def addresses_in(values: Iterable[str]) -> set[tuple[str, str]]:
    """Every host and port in settings; `{service}` is every service."""
    found = {(host, port) for value in values for host, port in ADDRESS.findall(value) if host != "localhost"}
    return {(one, port) for host, port in found for one in (SERVICES if host == "{service}" else (host,))}


@dataclass
class Image:
    """What the Dockerfile says about the image of a service."""

    instructions: list[tuple[str, str]]

    @classmethod
    def read(cls, text: str) -> Image:
        joined = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", text))
        lines = [line.strip() for line in joined.splitlines() if line.strip()]
        return cls([(line.split(None, 1)[0].upper(), line.split(None, 1)[1]) for line in lines])

    @property
    def final(self) -> list[tuple[str, str]]:
        """The last stage."""
        start = max(place for place, (word, _) in enumerate(self.instructions) if word == "FROM")
        return self.instructions[start:]

    def said(self, word: str) -> str:
        """What the last stage says with one word."""
        return " ".join(rest for one, rest in self.final if one == word)

    @property
    def environment(self) -> dict[str, str]:
        pairs = re.findall(r"([A-Z_]+)=(\S+)", self.said("ENV"))
        return dict(pairs)

    @property
    def health_command(self) -> list[str]:
        command: list[str] = json.loads(self.said("HEALTHCHECK").partition("CMD")[2])
        return command


def this_image() -> Image:
    return Image.read((ROOT / "Dockerfile").read_text())


@dataclass
class Told:
    """One container of ours, wherever it runs: what it is told, and the folders that it is given."""

    name: str
    where: str
    given: dict[str, str]
    image: Image
    arguments: list[str] = field(default_factory=list)
    mounted: list[str] = field(default_factory=list)
    writable: list[str] = field(default_factory=list)
    # Of those, what is there again when the container is replaced.
    kept: list[str] = field(default_factory=list)
    replicas: int = 1

    @property
    def environment(self) -> dict[str, str]:
        """All variables, those of the image among them."""
        return {**self.image.environment, **self.given}


# Compose.


def compose_of(text: str, variables: Mapping[str, str]) -> Resource:
    """The file with its variables put in. Raises `KeyError` for one that is required and not there."""

    def value(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        if variables.get(name):
            return variables[name]
        if kind == "-":
            return rest
        raise KeyError(f"{name}: {rest}")

    loaded: Resource = yaml.safe_load(VARIABLE.sub(value, text))
    return loaded


def variables_of(file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file.read_text().splitlines() if line)


def told_by_compose(compose: Resource, image: Image) -> Iterator[Told]:
    for name, service in compose["services"].items():
        ours = OURS.fullmatch(service["image"])
        if ours is None:
            continue
        volumes = [volume.split(":")[1] for volume in service.get("volumes", [])]
        secrets = [f"/run/secrets/{secret}" for secret in service.get("secrets", [])]
        tmpfs = [one.partition(":")[0] for one in service.get("tmpfs", [])]
        yield Told(
            name if name == "prepare" else ours[1],
            f"compose {name}",
            dict(service.get("environment", {})),
            image,
            service.get("command", []),
            [*volumes, *secrets],
            [*volumes, *tmpfs],
            volumes,
        )


# Kubernetes.


def built(folder: Path) -> list[Resource]:
    """What kustomize makes of a folder."""
    made = run(tool("kubectl"), "kustomize", str(folder))
    assert made.returncode == 0, made.stderr
    return list(yaml.safe_load_all(made.stdout))


def of_kind(resources: list[Resource], *kinds: str) -> list[Resource]:
    return [one for one in resources if one["kind"] in kinds]


def named(resources: list[Resource], kind: str, name: str) -> Resource:
    return next(one for one in of_kind(resources, kind) if one["metadata"]["name"] == name)


def called(resource: Resource) -> str:
    return f"{resource['kind']} {resource['metadata']['name']}"


WORKLOADS = ("Deployment", "StatefulSet", "Job")


def pod_of(workload: Resource) -> Resource:
    pod: Resource = workload["spec"]["template"]
    return pod


def containers_of(workload: Resource) -> list[Resource]:
    spec = pod_of(workload)["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]


def kept_volumes(workload: Resource) -> set[str]:
    """The volumes of a workload that outlive its pods."""
    claimed = [one["name"] for one in pod_of(workload)["spec"].get("volumes", []) if "persistentVolumeClaim" in one]
    return {*claimed, *(one["metadata"]["name"] for one in workload["spec"].get("volumeClaimTemplates", []))}


def environment_of(container: Resource, resources: list[Resource]) -> dict[str, str]:
    """The variables of a container; what it takes from elsewhere has to be there."""
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        found |= named(resources, "ConfigMap", source["configMapRef"]["name"])["data"]
    for variable in container.get("env", []):
        found[variable["name"]] = variable.get("value") or _taken(variable["valueFrom"], resources)
    return found


def _taken(source: Resource, resources: list[Resource]) -> str:
    if "secretKeyRef" in source:
        given = source["secretKeyRef"]
        return base64.b64decode(named(resources, "Secret", given["name"])["data"][given["key"]]).decode()
    given = source["configMapKeyRef"]
    value: str = named(resources, "ConfigMap", given["name"])["data"][given["key"]]
    return value


def told_by_kubernetes(resources: list[Resource], image: Image) -> Iterator[Told]:
    for workload in of_kind(resources, *WORKLOADS):
        for container in containers_of(workload):
            ours = OURS.fullmatch(container["image"])
            if ours is None:
                continue
            mounts = container.get("volumeMounts", [])
            kept = kept_volumes(workload)
            name = workload["metadata"]["name"]
            yield Told(
                name if name == "prepare" else ours[1],
                called(workload),
                environment_of(container, resources),
                image,
                container.get("args", []),
                [mount["mountPath"] for mount in mounts],
                [mount["mountPath"] for mount in mounts if not mount.get("readOnly")],
                [mount["mountPath"] for mount in mounts if mount["name"] in kept],
                workload["spec"].get("replicas", 1),
            )
