"""What manifests have to be like besides their schema: every name leads somewhere, and no container may do too much."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

import kubernetes_validate

from tests.deployment.reading import (
    OURS,
    WORKLOADS,
    Resource,
    called,
    containers_of,
    kept_volumes,
    of_kind,
    pod_of,
)

VERSION = "1.37"
# The validator lets kinds pass that it does not know.
KINDS = {
    *WORKLOADS,
    *("ConfigMap", "Namespace", "NetworkPolicy", "PersistentVolumeClaim", "PodDisruptionBudget", "Secret", "Service"),
}
PINNED = re.compile(r"\S+:\S+@sha256:[0-9a-f]{64}")
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
# How long a service waits for its answers, and then for its workers: chassis settings `stop_s` and `STOP_S`.
ENDING_S = 20 + 15


def invalid(resources: Iterable[Resource]) -> Iterator[str]:
    """Yield what the schemas of Kubernetes do not allow, unknown fields and unknown kinds among it."""
    for resource in resources:
        if resource["kind"] not in KINDS:
            yield f"{called(resource)}: nobody checks this kind"
            continue
        try:
            kubernetes_validate.validate(resource, VERSION, strict=True)
        except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
            said = str(error).splitlines() or [f"no schema of {resource['apiVersion']}"]
            yield f"{called(resource)}: {said[0]}"


def problems_of(resources: list[Resource]) -> list[str]:
    """Everything that is wrong, each with the resource it is about."""
    found: list[str] = [*_twice(resources), *_selectors(resources)]
    for workload in of_kind(resources, *WORKLOADS):
        checks = (_taken(workload, resources), _mounted(workload), _pod(workload), _guarded(workload, resources))
        inside = (chain(_container(one), _probed(one, workload)) for one in containers_of(workload))
        found += [f"{called(workload)}: {problem}" for problem in chain(*checks, *inside)]
    return found


def matches(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether a label selector selects these labels; an empty one selects all."""
    assert set(selector or {}) <= {"matchLabels"}, selector
    return all(labels.get(key) == value for key, value in (selector or {}).get("matchLabels", {}).items())


def _twice(resources: list[Resource]) -> Iterator[str]:
    seen = [(called(one), one["metadata"].get("namespace")) for one in resources]
    yield from (f"{one[0]} is there twice" for one in sorted(set(seen), key=str) if seen.count(one) > 1)
    yield from (
        f"{name} is in no namespace of ours" for name, space in seen if not name.startswith("Namespace") and not space
    )


def _selectors(resources: list[Resource]) -> Iterator[str]:
    pods = {called(one): pod_of(one) for one in of_kind(resources, *WORKLOADS)}
    for service in of_kind(resources, "Service"):
        selector = service["spec"].get("selector")
        behind = [pod for pod in pods.values() if selector and matches({"matchLabels": selector}, _labels(pod))]
        if selector and len(behind) != 1:
            yield f"{called(service)}: {len(behind)} workloads are behind it"
        ports = {port["name"] for pod in behind for one in pod["spec"]["containers"] for port in one.get("ports", [])}
        asked = {port["targetPort"] for port in service["spec"].get("ports", []) if behind}
        yield from (f"{called(service)}: no container has a port {port}" for port in sorted(asked - ports))
    for budget in of_kind(resources, "PodDisruptionBudget"):
        if not any(matches(budget["spec"]["selector"], _labels(pod)) for pod in pods.values()):
            yield f"{called(budget)}: it is about no pod"
    for name, pod in pods.items():
        workload = next(one for one in of_kind(resources, *WORKLOADS) if called(one) == name)
        if "selector" in workload["spec"] and not matches(workload["spec"]["selector"], _labels(pod)):
            yield f"{name}: does not select its own pods"


def _labels(pod: Resource) -> dict[str, str]:
    labels: dict[str, str] = pod["metadata"]["labels"]
    return labels


def _taken(workload: Resource, resources: list[Resource]) -> Iterator[str]:
    """Look whether everything that a pod takes from elsewhere is there."""
    for kind, name, key in _references(workload):
        there = [one for one in of_kind(resources, kind) if one["metadata"]["name"] == name]
        if not there:
            yield f"takes {key or 'all'} from {kind} {name}, which does not exist"
        elif key and key not in there[0].get("data", {}):
            yield f"takes {key} from {kind} {name}, which has no such key"
    if workload["kind"] == "StatefulSet":
        service = workload["spec"]["serviceName"]
        headless = [one for one in of_kind(resources, "Service") if one["metadata"]["name"] == service]
        if not headless or headless[0]["spec"].get("clusterIP") != "None":
            yield f"its service {service} gives its pods no names"


def _references(workload: Resource) -> Iterator[tuple[str, str, str]]:
    for container in containers_of(workload):
        yield from (("ConfigMap", one["configMapRef"]["name"], "") for one in container.get("envFrom", []))
        for variable in container.get("env", []):
            source = variable.get("valueFrom", {})
            for word, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
                if word in source:
                    yield kind, source[word]["name"], source[word]["key"]
    for volume in pod_of(workload)["spec"].get("volumes", []):
        yield from _of_volume(volume)


def _of_volume(volume: Resource) -> Iterator[tuple[str, str, str]]:
    for word, kind, named_by in (("secret", "Secret", "secretName"), ("configMap", "ConfigMap", "name")):
        if word in volume:
            items = [item["key"] for item in volume[word].get("items", [])]
            yield from ((kind, volume[word][named_by], key) for key in items or [""])
    if "persistentVolumeClaim" in volume:
        yield "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"], ""


def _mounted(workload: Resource) -> Iterator[str]:
    spec = pod_of(workload)["spec"]
    volumes = {one["name"] for one in spec.get("volumes", [])} | kept_volumes(workload)
    mounts = [mount for container in containers_of(workload) for mount in container.get("volumeMounts", [])]
    used = {mount["name"] for mount in mounts}
    yield from (f"mounts {name}, which is no volume" for name in sorted(used - volumes))
    yield from (f"does not mount {name}" for name in sorted(volumes - used))
    for volume in spec.get("volumes", []):
        if "hostPath" in volume:
            yield f"{volume['name']} is a folder of the machine"
        if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
            yield f"{volume['name']} may grow without end"
    if "/tmp" not in {mount["mountPath"] for mount in mounts}:
        yield "has nowhere for temporary files"


def _pod(workload: Resource) -> Iterator[str]:
    spec = pod_of(workload)["spec"]
    security = spec.get("securityContext", {})
    if not security.get("runAsNonRoot") or not security.get("runAsUser") or not security.get("runAsGroup"):
        yield "may run as root"
    if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "has no seccomp profile"
    if spec.get("automountServiceAccountToken") is not False:
        yield "is given a token of the cluster"
    if spec.get("enableServiceLinks") is not False:
        yield "is given variables for every service"
    if any(spec.get(word) for word in ("hostNetwork", "hostPID", "hostIPC")):
        yield "shares something with its machine"


def _container(container: Resource) -> Iterator[str]:
    security = container.get("securityContext", {})
    if security.get("readOnlyRootFilesystem") is not True:
        yield "may write everywhere"
    if security.get("allowPrivilegeEscalation") is not False or security.get("privileged"):
        yield "may gain privileges"
    if security.get("capabilities") != {"drop": ["ALL"]}:
        yield "has capabilities"
    limits, requests = (container.get("resources", {}).get(word, {}) for word in ("limits", "requests"))
    if "memory" not in limits or not {"cpu", "memory"} <= set(requests):
        yield "asks for no memory or processor, or for memory without end"
    if "cpu" in limits:
        yield "is slowed down while processors are idle"
    if not OURS.fullmatch(container["image"]) and not PINNED.fullmatch(container["image"]):
        yield f"has an image that can change: {container['image']}"


def _probed(container: Resource, workload: Resource) -> Iterator[str]:
    if workload["kind"] == "Job":
        return
    ports = {port["name"] for port in container.get("ports", [])}
    for word in PROBES:
        probe = container.get(word)
        if probe is None:
            yield f"has no {word}"
            continue
        port = (probe.get("httpGet") or probe.get("tcpSocket") or {}).get("port")
        if port is not None and port not in ports:
            yield f"its {word} asks the port {port}, which it has not"
    if OURS.fullmatch(container["image"]):
        paths = [container.get(word, {}).get("httpGet", {}).get("path") for word in PROBES]
        if paths != ["/readyz", "/readyz", "/livez"]:
            yield f"is asked for its health at {paths}"


def _guarded(workload: Resource, resources: list[Resource]) -> Iterator[str]:
    """Look whether a replica may be taken away, and whether it ends in peace."""
    spec = pod_of(workload)["spec"]
    if workload["spec"].get("replicas", 1) > 1:
        budgets = [one["spec"]["selector"] for one in of_kind(resources, "PodDisruptionBudget")]
        if not any(matches(selector, _labels(pod_of(workload))) for selector in budgets):
            yield "all its replicas may be taken away at once"
        if not spec.get("topologySpreadConstraints"):
            yield "all its replicas may be on one machine"
    for container in spec["containers"]:
        pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        if _labels(pod_of(workload)).get("app.kubernetes.io/component") != "service":
            continue
        if not pause:
            yield "is still asked when it begins to end"
        if spec.get("terminationGracePeriodSeconds", 30) <= pause + ENDING_S:
            yield "is killed before it has ended"


# Who may speak with whom.


def allowed(resources: list[Resource], source: str, target: str, port: int) -> bool:
    """Whether the policies let pods of one name open a connection to those of another."""
    one, other = (_of_name(resources, name) for name in (source, target))
    return _lets(resources, "Egress", one, other, port) and _lets(resources, "Ingress", other, one, port)


def _of_name(resources: list[Resource], name: str) -> dict[str, str]:
    workload = next(one for one in of_kind(resources, *WORKLOADS) if one["metadata"]["name"] == name)
    return _labels(pod_of(workload))


def _lets(resources: list[Resource], way: str, subject: dict[str, str], peer: dict[str, str], port: int) -> bool:
    policies = [
        one["spec"]
        for one in of_kind(resources, "NetworkPolicy")
        if way in one["spec"]["policyTypes"] and matches(one["spec"]["podSelector"], subject)
    ]
    rules = [rule for policy in policies for rule in policy.get(way.lower(), [])]
    return not policies or any(_rule(rule, "to" if way == "Egress" else "from", peer, port) for rule in rules)


def _rule(rule: Resource, word: str, peer: dict[str, str], port: int) -> bool:
    peers = rule.get(word)
    # A peer in another namespace is none of ours.
    known = peers is None or any("podSelector" in one and matches(one["podSelector"], peer) for one in peers)
    ports = rule.get("ports")
    return known and (ports is None or any(_covers(one, port) for one in ports))


def _covers(given: Resource, port: int) -> bool:
    last = given.get("endPort", given["port"])
    return given.get("protocol", "TCP") == "TCP" and given["port"] <= port <= last
