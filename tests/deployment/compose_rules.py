"""What a Compose file has to be like besides its schema: nothing missing, nothing open, nothing left over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from tests.deployment.reading import OURS, SERVICES, Image, Resource, addresses_in

# Who listens where inside the network; ours say it in their image.
PORTS = {"postgres": "5432", "kafka": "9092", "proxy": "8080"}
WAITS = {"service_started", "service_healthy", "service_completed_successfully"}
PINNED = re.compile(r"\S+:\S+@sha256:[0-9a-f]{64}")
UPSTREAM = re.compile(r"server ([a-z]+):(\d+);")


def problems_of(compose: Resource, root: Path, image: Image) -> list[str]:
    """Everything that is wrong, each with the service it is about."""
    found = list(chain(_volumes(compose), _secrets(compose, root), _proxied(compose, root, image)))
    for name, service in compose["services"].items():
        checks = (_waits(compose, service, image), _addresses(compose, name, image), _mounts(service, root))
        found += [
            f"{name}: {problem}" for problem in chain(*checks, _open(name, service, image), _image(name, service))
        ]
    return found


def is_ours(service: Resource) -> bool:
    return OURS.fullmatch(service["image"]) is not None


def _healthy(service: Resource, image: Image) -> bool:
    check = service.get("healthcheck", {})
    return not check.get("disable") and ("test" in check or (is_ours(service) and bool(image.said("HEALTHCHECK"))))


def _waits(compose: Resource, service: Resource, image: Image) -> Iterator[str]:
    for needed, how in service.get("depends_on", {}).items():
        other = compose["services"].get(needed)
        if other is None:
            yield f"waits for {needed}, which does not exist"
        elif how["condition"] not in WAITS - {"service_started"}:
            yield f"does not wait until {needed} is ready"
        elif how["condition"] == "service_healthy" and not _healthy(other, image):
            yield f"waits for the health of {needed}, which has no health check"
        elif how["condition"] == "service_completed_successfully" and other.get("restart") != "no":
            yield f"waits for the end of {needed}, which is started again"
    if service.get("restart") != "no" and not _healthy(service, image):
        yield "has no health check"


def _addresses(compose: Resource, name: str, image: Image) -> Iterator[str]:
    service = compose["services"][name]
    ports = {one: PORTS.get(one, image.environment["FOURGATES_PORT"]) for one in compose["services"]}
    there = {name, *service.get("depends_on", {})}
    values = [str(value) for value in service.get("environment", {}).values()]
    for host, port in sorted(addresses_in(values)):
        if ports.get(host) != port:
            yield f"asks {host}:{port}, where nobody listens"
        elif host in PORTS and host not in there:
            yield f"asks {host} without waiting for it"


def _mounts(service: Resource, root: Path) -> Iterator[str]:
    for volume in service.get("volumes", []):
        source, _, target = volume.partition(":")
        if source.startswith("."):
            if not (root / source).is_file():
                yield f"mounts {source}, which does not exist"
            if not target.endswith(":ro"):
                yield f"may write to {source}"
    if not any(one.startswith("/tmp:") or one == "/tmp" for one in service.get("tmpfs", [])):
        yield "has nowhere for temporary files"


def _volumes(compose: Resource) -> Iterator[str]:
    mounted = [volume.partition(":")[0] for one in compose["services"].values() for volume in one.get("volumes", [])]
    used = {volume for volume in mounted if not volume.startswith(".")}
    declared = set(compose["volumes"])
    yield from (f"the volume {volume} is not declared" for volume in sorted(used - declared))
    yield from (f"the volume {volume} is not used" for volume in sorted(declared - used))
    yield from (f"the volume {one} is used twice" for one in sorted(used) if mounted.count(one) > 1)


def _secrets(compose: Resource, root: Path) -> Iterator[str]:
    used = {secret for one in compose["services"].values() for secret in one.get("secrets", [])}
    declared = compose["secrets"]
    yield from (f"the secret {secret} is not declared" for secret in sorted(used - set(declared)))
    yield from (f"the secret {secret} is not used" for secret in sorted(set(declared) - used))
    for name, secret in declared.items():
        file = root / secret["file"]
        if not file.is_file():
            yield f"the secret {name} is nowhere: {secret['file']}"
        elif not file.stat().st_mode & 0o004 or file.parent.stat().st_mode & 0o077:
            yield f"the secret {name} cannot be read by its container alone"


def _proxied(compose: Resource, root: Path, image: Image) -> Iterator[str]:
    proxy = compose["services"]["proxy"]
    upstreams = UPSTREAM.findall((root / "k8s/base/proxy/nginx.conf").read_text())
    for name, port in upstreams:
        if name not in compose["services"] or port != image.environment["FOURGATES_PORT"]:
            yield f"proxy: {name}:{port} is nobody"
        if name not in proxy["depends_on"]:
            yield f"proxy: does not wait for {name}, and would end without it"
    yield from (f"proxy: does not know {name}" for name in SERVICES if name not in dict(upstreams))


def _open(name: str, service: Resource, image: Image) -> Iterator[str]:
    """Whatever a container may do beyond its work."""
    if service.get("read_only") is not True:
        yield "may write everywhere"
    if service.get("cap_drop") != ["ALL"] or service.get("cap_add") or service.get("privileged"):
        yield "has capabilities"
    if "no-new-privileges:true" not in service.get("security_opt", []):
        yield "may gain privileges"
    user = image.said("USER") if is_ours(service) and "user" not in service else service.get("user", "")
    if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", str(user)):
        yield f"runs as {user or 'root'}"
    for port in service.get("ports", []):
        if name != "proxy" or not str(port).startswith("127.0.0.1:"):
            yield f"is open to other machines, or beside the proxy: {port}"
    if any(key in service for key in ("network_mode", "pid", "ipc", "devices", "container_name")):
        yield "shares something with its machine"


def _image(name: str, service: Resource) -> Iterator[str]:
    ours = OURS.fullmatch(service["image"])
    if ours is None:
        if not PINNED.fullmatch(service["image"]):
            yield f"has an image that can change: {service['image']}"
        return
    if service.get("build", {}).get("args", {}).get("SERVICE") != ours[1]:
        yield "builds another service than its image is called"
    if name not in {"prepare", ours[1]}:
        yield f"is not {ours[1]}"
