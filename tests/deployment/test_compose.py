"""docker-compose.yml is valid, complete and closed; and every check sees what it is there for."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml
from fourgates.chassis.testing.lacking import named_when_lacking

from tests.deployment import reading
from tests.deployment.compose_rules import problems_of


def schema(file: Path) -> subprocess.CompletedProcess[str]:
    with named_when_lacking():
        return reading.run(reading.tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(file))


def test_the_file_keeps_to_the_schema_of_compose():
    checked = schema(reading.ROOT / "docker-compose.yml")
    assert checked.returncode == 0, checked.stdout


def test_a_word_that_compose_does_not_know_is_seen(compose, tmp_path):
    compose["services"]["change"]["read_onyl"] = True
    file = tmp_path / "docker-compose.yml"
    file.write_text(yaml.safe_dump(compose))
    assert schema(file).returncode != 0


def test_nothing_is_missing_open_or_left_over(compose, installation, image):
    assert set(compose["services"]) == {*reading.SERVICES, "issuer", "proxy", "postgres", "kafka", "prepare"}
    assert problems_of(compose, installation, image) == []


def test_without_secrets_it_says_what_to_do(installation):
    text = (installation / "docker-compose.yml").read_text()
    with pytest.raises(KeyError, match="run make secrets first"):
        reading.compose_of(text, {})


def test_every_secret_that_is_made_is_used_and_no_other(installation):
    text = (installation / "docker-compose.yml").read_text()
    asked = {name for name, kind, _ in reading.VARIABLE.findall(text) if kind == "?"}
    assert asked == set(reading.variables_of(installation / ".env"))


def without(key):
    return lambda service: service.pop(key)


def with_(**changes):
    return lambda service: service.update(changes)


WRONG = {
    "waits for nobody": ("change", lambda s: s["depends_on"].update({"db": {"condition": "service_healthy"}}), "db"),
    "does not wait": ("dml", lambda s: s["depends_on"]["kafka"].update(condition="service_started"), "kafka is ready"),
    "health that is not looked at": ("postgres", without("healthcheck"), "which has no health check"),
    "an end that never comes": ("prepare", with_(restart="always"), "which is started again"),
    "another port": ("review", lambda s: s["environment"].update(X="http://issuer:80/jwks"), "issuer:80"),
    "another host": ("deploy", lambda s: s["environment"].update(X="http://library:8080"), "library:8080"),
    "a database elsewhere": ("dml", lambda s: s["environment"].update(X="postgresql://a:b@pg:5432/c"), "pg:5432"),
    "asks before it is there": ("prepare", lambda s: s["depends_on"].pop("kafka"), "asks kafka without waiting"),
    "a file that is not there": ("proxy", with_(volumes=["./k8s/nginx.conf:/etc/nginx/nginx.conf:ro"]), "not exist"),
    "a file that may be written": ("proxy", with_(volumes=["./docker-compose.yml:/etc/x"]), "may write to"),
    "a volume that nobody declares": ("issuer", with_(volumes=["keys:/var/lib/fourgates"]), "keys is not declared"),
    "a volume that nobody uses": ("issuer", with_(volumes=[]), "issuer is not used"),
    "a volume of two": ("dml", with_(volumes=["deploy:/var/lib/fourgates"]), "deploy is used twice"),
    "a secret that nobody declares": ("change", with_(secrets=["passwords"]), "passwords is not declared"),
    "a proxy that ends": ("proxy", lambda s: s["depends_on"].pop("review"), "does not wait for review"),
    "a container that writes": ("kafka", without("read_only"), "may write everywhere"),
    "capabilities": ("postgres", with_(cap_add=["CHOWN"]), "has capabilities"),
    "all capabilities": ("proxy", without("cap_drop"), "has capabilities"),
    "privileges": ("release", without("security_opt"), "may gain privileges"),
    "root": ("postgres", without("user"), "runs as root"),
    "root by number": ("change", with_(user="0:0"), "runs as 0:0"),
    "a port of its own": ("postgres", with_(ports=["127.0.0.1:5432:5432"]), "beside the proxy"),
    "a port for everybody": ("proxy", with_(ports=["8400:8080"]), "open to other machines"),
    "the network of the machine": ("deploy", with_(network_mode="host"), "shares something"),
    "nowhere to write": ("operations", without("tmpfs"), "temporary files"),
    "an image that can change": ("kafka", with_(image="apache/kafka:latest"), "can change"),
    "an image of another service": ("dml", with_(image="fourgates/deploy:0.1.0"), "another service"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_seen(wrong, compose, installation, image):
    name, breaks, expected = WRONG[wrong]
    breaks(compose["services"][name])
    problems = problems_of(compose, installation, image)
    assert any(expected in problem for problem in problems), problems


def test_an_image_that_runs_as_root_is_seen(compose, installation, image):
    instructions = [one for one in image.instructions if one[0] != "USER"]
    problems = problems_of(compose, installation, reading.Image(instructions))
    assert "release: runs as root" in problems
