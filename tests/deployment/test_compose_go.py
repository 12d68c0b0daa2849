"""docker-compose.yml is read by the code of Docker Compose itself: it refuses nothing, and reads what we read."""

from __future__ import annotations

import json
import shutil

import pytest
from fourgates.chassis.testing.lacking import named_when_lacking

from tests.deployment import built_by_go, reading

pytestmark = pytest.mark.timeout(built_by_go.PATIENCE_S)
# What is written in one way only, so that it can be compared.
SAME = ("image", "user", "environment", "command", "entrypoint", "restart", "init")
SAME_RIGHTS = ("read_only", "cap_drop", "cap_add", "privileged", "security_opt", "tmpfs")


@pytest.fixture(scope="session")
def read():
    """Read a file without any variables but those in the `.env` beside it."""
    with named_when_lacking():
        program = built_by_go.program("compose")
    return lambda file: reading.run(program, str(file), env={})


def test_it_is_read_without_a_warning_and_as_our_own_checks_read_it(read, installation, compose):
    done = read(installation / "docker-compose.yml")
    assert (done.returncode, done.stderr) == (0, "")
    understood = json.loads(done.stdout)["services"]
    assert set(understood) == set(compose["services"])
    for name, service in compose["services"].items():
        for word in (*SAME, *SAME_RIGHTS):
            assert (understood[name].get(word) or None) == (service.get(word) or None), f"{name}: {word}"
        waits = {one: how["condition"] for one, how in understood[name].get("depends_on", {}).items()}
        assert waits == {one: how["condition"] for one, how in service.get("depends_on", {}).items()}


def test_without_secrets_it_says_what_to_do(read, tmp_path):
    shutil.copy(reading.ROOT / "docker-compose.yml", tmp_path)
    done = read(tmp_path / "docker-compose.yml")
    assert done.returncode == 1
    assert "run make secrets first" in done.stderr


# The first of them no schema sees.
WRONG = {
    "a circle": ('user: "999:999"\n', 'user: "999:999"\n    depends_on: [proxy]\n', "dependency cycle"),
    "waits for nobody": ("postgres: {condition", "pg: {condition", 'depends on undefined service "pg"'),
    "a volume that nobody declares": ('["issuer:/var', '["keys:/var', "undefined volume keys"),
    "a secret that nobody declares": ("secrets: [people.json]", "secrets: [people]", "undefined secret people"),
    "a port that is none": ("-8400}:8080", "-8400}:http", "Invalid containerPort: http"),
    "a time that is none": ("period: 75s", "period: soon", "invalid duration"),
    "a variable of nobody": ("${FOURGATES_LOG_LEVEL:-info}", "${FOURGATES_LOG_LEVEL}", "variable is not set"),
    "a word that does nothing": ("name: fourgates\n", 'name: fourgates\nversion: "3"\n', "is obsolete"),
    "a word that it does not know": ("read_only:", "read_onyl:", "read_onyl"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_refused(wrong, read, installation, tmp_path):
    right, written, expected = WRONG[wrong]
    text = (installation / "docker-compose.yml").read_text()
    assert right in text
    (tmp_path / "docker-compose.yml").write_text(text.replace(right, written))
    shutil.copy(installation / ".env", tmp_path)
    done = read(tmp_path / "docker-compose.yml")
    assert (done.returncode, done.stdout) == (1, "")
    assert expected in done.stderr
