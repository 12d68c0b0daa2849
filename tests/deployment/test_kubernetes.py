"""What kustomize makes of k8s/ is valid, complete and closed; and every check sees what it is there for."""

from __future__ import annotations

import re

import pytest
from fourgates.chassis.http.health import Readiness, health_routes

from tests.deployment import reading
from tests.deployment.kubernetes_rules import allowed, invalid, problems_of
from tests.deployment.reading import called, containers_of, named, of_kind

SERVICES = reading.SERVICES
NODE_PORT = 20_500


def test_what_is_built_keeps_to_the_schemas(base, development):
    assert list(invalid(base)) == []
    assert list(invalid(development)) == []


def test_everything_runs_in_development(development):
    workloads = {one["metadata"]["name"] for one in of_kind(development, *reading.WORKLOADS)}
    assert workloads == {*SERVICES, "proxy", "issuer", "postgres", "kafka", "prepare"}
    assert problems_of(development) == []


def test_the_base_lacks_nothing_but_the_secrets_of_its_installation(base):
    problems = [problem for problem in problems_of(base) if "from Secret fourgates-" not in problem]
    assert problems == []
    assert not of_kind(base, "Secret")


def test_replicas(base, development):
    replicas = {one["metadata"]["name"]: one["spec"].get("replicas") for one in of_kind(base, "Deployment")}
    assert replicas == dict.fromkeys({*SERVICES, "proxy"} - {"deploy"}, 2)
    # Its nodes are processes in its container.
    assert named(base, "StatefulSet", "deploy")["spec"]["replicas"] == 1
    several = [one for one in of_kind(development, "Deployment") if one["spec"]["replicas"] > 1]
    claims = [one for workload in several for one in reading.kept_volumes(workload)]
    assert not claims, "replicas that share a volume need one that several machines write to"


def test_what_is_shared_by_replicas_can_be_written_by_several_machines(base):
    for workload in of_kind(base, "Deployment"):
        volumes = reading.pod_of(workload)["spec"].get("volumes", [])
        for claim in (one["persistentVolumeClaim"]["claimName"] for one in volumes if "persistentVolumeClaim" in one):
            assert named(base, "PersistentVolumeClaim", claim)["spec"]["accessModes"] == ["ReadWriteMany"]


def test_every_path_that_is_probed_is_answered(base, development):
    paths = {
        container[word]["httpGet"]["path"]
        for workload in [*of_kind(base, "Deployment", "StatefulSet"), *of_kind(development, "Deployment")]
        for container in containers_of(workload)
        for word in ("startupProbe", "readinessProbe", "livenessProbe")
        if "httpGet" in container[word] and reading.OURS.fullmatch(container["image"])
    }
    answered = {route.path for route in health_routes(Readiness()).routes}
    assert paths == {"/livez", "/readyz"}
    assert paths <= answered
    proxy = containers_of(named(base, "Deployment", "proxy"))[0]
    configuration = named(base, "ConfigMap", proxy_config(base))["data"]["nginx.conf"]
    assert f"location = {proxy['livenessProbe']['httpGet']['path']} " in configuration


def proxy_config(resources):
    volumes = reading.pod_of(named(resources, "Deployment", "proxy"))["spec"]["volumes"]
    return next(one["configMap"]["name"] for one in volumes if "configMap" in one)


def test_every_name_that_is_asked_leads_somewhere(development, image):
    ports = {
        one["metadata"]["name"]: {str(port["port"]) for port in one["spec"].get("ports", [])}
        for one in of_kind(development, "Service")
    }
    upstreams = re.findall(
        r"server ([a-z]+):(\d+);", named(development, "ConfigMap", proxy_config(development))["data"]["nginx.conf"]
    )
    hosts = {
        address
        for told in reading.told_by_kubernetes(development, image)
        for address in reading.addresses_in(told.given.values())
    }
    assert ("postgres", "5432") in hosts
    for host, port in {*hosts, *upstreams}:
        assert port in ports[host], f"{host}:{port}"
    node_host = reading.environment_of(containers_of(named(development, "StatefulSet", "deploy"))[0], development)
    pod, _, service = node_host["FOURGATES_DEPLOY_NODE_HOST"].partition(".")
    assert (pod, service) == ("deploy-0", named(development, "StatefulSet", "deploy")["spec"]["serviceName"])


def test_the_same_images_run_in_compose_and_in_the_cluster(compose, development):
    in_compose = {service["image"] for service in compose["services"].values()}
    in_cluster = {one["image"] for each in of_kind(development, *reading.WORKLOADS) for one in containers_of(each)}
    assert in_cluster == in_compose


def test_who_has_to_may_speak_and_nobody_else(development):
    needed = {("proxy", service, 8080) for service in (*SERVICES, "issuer")}
    for service in SERVICES:
        needed |= {(service, other, 8080) for other in SERVICES if other != service}
        needed |= {(service, "postgres", 5432), (service, "kafka", 9092), (service, "issuer", 8080)}
    needed |= {("prepare", "postgres", 5432), ("prepare", "kafka", 9092), ("review", "deploy", NODE_PORT)}
    names = (*SERVICES, "proxy", "issuer", "postgres", "kafka", "prepare")
    ports = {**dict.fromkeys((*SERVICES, "issuer", "proxy"), 8080), "postgres": 5432, "kafka": 9092}
    tried = {(one, other, port) for one in names for other, port in ports.items() if one != other}
    tried |= {(one, "deploy", NODE_PORT) for one in names if one != "deploy"}
    # Anybody comes to the proxy who is let out, and nobody of ours is.
    assert {flow for flow in tried if allowed(development, *flow)} == needed
    environment = reading.environment_of(containers_of(named(development, "StatefulSet", "deploy"))[0], development)
    first, last = (int(environment[f"FOURGATES_DEPLOY_PORT_{word}"]) for word in ("FIRST", "LAST"))
    assert all(allowed(development, "review", "deploy", port) for port in (first, last))
    assert not allowed(development, "review", "deploy", last + 1)


def container(resource):
    return containers_of(resource)[0]


def spec(resource):
    return reading.pod_of(resource)["spec"]


WRONG = {
    "a key that is missing": ("Secret change", lambda r: r["data"].pop("client-secret"), "has no such key"),
    "a file that is missing": ("Secret release", lambda r: r["data"].pop("page-token.key"), "has no such key"),
    "a secret elsewhere": ("Secret dml", lambda r: r["metadata"].update(name="x"), "which does not exist"),
    "a claim elsewhere": (
        "PersistentVolumeClaim dml",
        lambda r: r["metadata"].update(name="x"),
        "which does not exist",
    ),
    "a mount of nothing": (
        "Deployment review",
        lambda r: container(r)["volumeMounts"].append({"name": "x", "mountPath": "/x"}),
        "x, which is no volume",
    ),
    "a volume for nothing": (
        "Deployment review",
        lambda r: spec(r)["volumes"].append({"name": "x", "emptyDir": {"sizeLimit": "1Mi"}}),
        "does not mount x",
    ),
    "a volume without end": ("Deployment proxy", lambda r: spec(r)["volumes"][1]["emptyDir"].clear(), "without end"),
    "a service of nobody": ("Service change", lambda r: r["spec"]["selector"].update(x="y"), "0 workloads"),
    "a service of several": (
        "Service change",
        lambda r: r["spec"].update(selector={"app.kubernetes.io/component": "service"}),
        "6 workloads",
    ),
    "a port that nobody has": ("Service dml", lambda r: r["spec"]["ports"][0].update(targetPort="www"), "port www"),
    "no budget": (
        "PodDisruptionBudget release",
        lambda r: r["spec"]["selector"]["matchLabels"].update(x="y"),
        "taken away at once",
    ),
    "no names for pods": ("Service deploy-nodes", lambda r: r["spec"].pop("clusterIP"), "gives its pods no names"),
    "replicas on one machine": (
        "Deployment operations",
        lambda r: spec(r).pop("topologySpreadConstraints"),
        "on one machine",
    ),
    "root": ("Deployment change", lambda r: spec(r)["securityContext"].pop("runAsNonRoot"), "run as root"),
    "no seccomp": ("StatefulSet kafka", lambda r: spec(r)["securityContext"].pop("seccompProfile"), "seccomp"),
    "a token": ("Deployment issuer", lambda r: spec(r).pop("automountServiceAccountToken"), "token of the cluster"),
    "links": ("StatefulSet kafka", lambda r: spec(r).update(enableServiceLinks=True), "variables for every service"),
    "the machine's network": ("Deployment proxy", lambda r: spec(r).update(hostNetwork=True), "with its machine"),
    "a folder of the machine": (
        "Deployment proxy",
        lambda r: spec(r)["volumes"][1].update(hostPath={"path": "/"}),
        "folder of the machine",
    ),
    "a container that writes": (
        "StatefulSet postgres",
        lambda r: container(r)["securityContext"].pop("readOnlyRootFilesystem"),
        "may write everywhere",
    ),
    "privileges": (
        "Job prepare",
        lambda r: container(r)["securityContext"].pop("allowPrivilegeEscalation"),
        "may gain privileges",
    ),
    "capabilities": (
        "Deployment dml",
        lambda r: container(r)["securityContext"]["capabilities"].update(add=["NET_ADMIN"]),
        "has capabilities",
    ),
    "memory without end": ("Deployment dml", lambda r: container(r)["resources"].pop("limits"), "without end"),
    "a slowed processor": (
        "Deployment dml",
        lambda r: container(r)["resources"]["limits"].update(cpu="1"),
        "is slowed down",
    ),
    "an image that can change": ("Deployment proxy", lambda r: container(r).update(image="nginx:1"), "can change"),
    "no probe": ("StatefulSet postgres", lambda r: container(r).pop("livenessProbe"), "has no livenessProbe"),
    "a probe elsewhere": (
        "Deployment review",
        lambda r: container(r)["readinessProbe"]["httpGet"].update(path="/health"),
        "asked for its health at",
    ),
    "a probe of no port": (
        "StatefulSet kafka",
        lambda r: container(r)["startupProbe"]["tcpSocket"].update(port="broker"),
        "the port broker",
    ),
    "killed too soon": (
        "Deployment release",
        lambda r: spec(r).update(terminationGracePeriodSeconds=30),
        "killed before it has ended",
    ),
    "asked to the end": ("Deployment release", lambda r: container(r).pop("lifecycle"), "still asked"),
}


def the_resource(resources, name):
    kind, _, called_so = name.partition(" ")
    wanted = f"fourgates-{called_so}" if kind == "Secret" else called_so
    return next(
        one
        for one in of_kind(resources, kind)
        if re.fullmatch(f"{re.escape(wanted)}(-[a-z0-9]{{10}})?", one["metadata"]["name"])
    )


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_seen(wrong, development):
    name, breaks, expected = WRONG[wrong]
    breaks(the_resource(development, name))
    problems = problems_of(development)
    assert any(expected in problem for problem in problems), problems


def test_the_same_resource_twice_is_seen(development):
    assert any("twice" in problem for problem in problems_of([*development, development[-1]]))


@pytest.mark.parametrize(
    "policy", ["proxy", "services", "prepare", "review-measures-nodes", "nodes-are-measured", "kafka"]
)
def test_a_policy_that_is_missing_is_seen(policy, development):
    left = [one for one in development if called(one) != f"NetworkPolicy {policy}"]
    with pytest.raises(AssertionError):
        test_who_has_to_may_speak_and_nobody_else(left)


def test_what_the_schemas_do_not_allow_is_seen(development):
    change = named(development, "Deployment", "change")
    change["spec"]["replicaz"] = 2
    named(development, "Service", "dml")["spec"]["ports"][0]["port"] = "http"
    development.append({"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "w"}})
    development.append({"apiVersion": "apps/v2", "kind": "Deployment", "metadata": {"name": "future"}})
    names = [problem.partition(":")[0] for problem in invalid(development)]
    assert names == ["Service dml", "Deployment change", "Widget w", "Deployment future"]
