"""kube-score finds nothing in what kustomize makes of k8s/, but for what is listed here with its reason."""

from __future__ import annotations

import json
from fnmatch import fnmatch

import pytest
from fourgates.chassis.testing.lacking import named_when_lacking

from tests.deployment import built_by_go, reading
from tests.deployment.kubernetes_rules import VERSION
from tests.deployment.reading import called, containers_of, named, of_kind

pytestmark = pytest.mark.timeout(built_by_go.PATIENCE_S)
OPTIONS = (
    f"--kubernetes-version=v{VERSION}",
    # A limit slows a container down while processors are idle; requests share them out when they are not.
    "--ignore-container-cpu-limit",
    # What is not asked for is listed below and nowhere else.
    "--disable-ignore-checks-annotations",
    "--enable-optional-test=container-seccomp-profile,container-ports-check",
)
IGNORED = {
    "container-image-pull-policy": (
        ["*"],
        "An image that is there is the right one: others are named by digest, and ours are brought in by hand.",
    ),
    "deployment-has-host-podantiaffinity": (
        ["Deployment *"],
        "Topology spread constraints keep replicas apart, and let two run where there is one machine.",
    ),
    "container-security-context-user-group-id": (
        ["Deployment proxy", "StatefulSet postgres", "StatefulSet kafka"],
        "The files in these images belong to these users, which are numbered below 10000.",
    ),
    "pod-probes-identical": (
        ["Deployment proxy", "StatefulSet postgres", "StatefulSet kafka"],
        "These have one question to be asked; they are killed for silence much later than they are left alone for it.",
    ),
    "deployment-replicas": (
        ["Deployment issuer", "Deployment dml"],
        "In development alone: an issuer has one key to sign with, and dml-service a volume of one machine.",
    ),
    "deployment-strategy": (
        ["Deployment issuer", "Deployment dml"],
        "For the same reason the new one starts when the old one has ended.",
    ),
}


@pytest.fixture(scope="session")
def scored():
    """Have resources scored: each object, and what was found in it by which check."""
    with named_when_lacking():
        program = built_by_go.program("kube-score")

    def score(resources):
        # JSON is YAML in which no text can be taken for anything else.
        text = "\n---\n".join(json.dumps(one) for one in resources)
        done = reading.run(program, "score", "--output-format=json", *OPTIONS, "-", input=text)
        assert done.stdout, done.stderr
        return {
            f"{one['type_meta']['kind']} {one['object_meta']['name']}": {
                check["check"]["id"]: [comment["summary"] for comment in check["comments"] or []]
                for check in one["checks"]
                if check["grade"] < 10 and not check["skipped"]
            }
            for one in json.loads(done.stdout)
        }

    return score


def is_ignored(check, name):
    return any(fnmatch(name, pattern) for pattern in IGNORED.get(check, ([], ""))[0])


def problems_of(scores):
    return [
        (name, check, said)
        for name, checks in scores.items()
        for check, said in checks.items()
        if not is_ignored(check, name)
    ]


def test_nothing_is_found(scored, base, development):
    for resources in (base, development):
        scores = scored(resources)
        assert {called(one) for one in of_kind(resources, *reading.WORKLOADS, "Service")} <= set(scores)
        assert problems_of(scores) == []


def test_nothing_is_ignored_that_is_not_found(scored, base, development):
    found = [(check, name) for all_ in (base, development) for name, checks in scored(all_).items() for check in checks]
    for check, (patterns, _) in IGNORED.items():
        for pattern in patterns:
            assert any(one == check and fnmatch(name, pattern) for one, name in found), f"{check}: {pattern}"


def container(resource):
    return containers_of(resource)[0]


# Of what our own rules say nothing, and the neighbours of what is ignored.
WRONG = {
    "a variable given twice": (
        "Deployment change",
        lambda r: container(r)["env"].append(container(r)["env"][0]),
        "environment-variable-key-duplication",
    ),
    "a disk without end": (
        "Deployment review",
        lambda r: container(r)["resources"]["limits"].pop("ephemeral-storage"),
        "container-ephemeral-storage-request-and-limit",
    ),
    "a policy about nobody": (
        "NetworkPolicy kafka",
        lambda r: r["spec"]["podSelector"]["matchLabels"].update(x="y"),
        "networkpolicy-targets-pod",
    ),
    "a port of every machine": ("Service proxy", lambda r: r["spec"].update(type="NodePort"), "service-type"),
    "a version that is gone": (
        "PodDisruptionBudget dml",
        lambda r: r.update(apiVersion="policy/v1beta1"),
        "stable-version",
    ),
    "memory without end": (
        "Deployment dml",
        lambda r: container(r)["resources"]["limits"].pop("memory"),
        "container-resources",
    ),
    "one replica of others": ("Deployment change", lambda r: r["spec"].update(replicas=1), "deployment-replicas"),
    "a low user of ours": (
        "Deployment release",
        lambda r: reading.pod_of(r)["spec"]["securityContext"].update(runAsUser=1000),
        "container-security-context-user-group-id",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_found(wrong, scored, development):
    name, breaks, expected = WRONG[wrong]
    breaks(named(development, *name.split()))
    assert (name, expected) in [(one, check) for one, check, _ in problems_of(scored(development))]
