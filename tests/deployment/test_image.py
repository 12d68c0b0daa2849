"""The Dockerfile is sound, its health check tells the truth, and it installs what CI has installed and started."""

from __future__ import annotations

import shutil
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from fourgates.chassis.testing.lacking import named_when_lacking

from tests.deployment import reading
from tests.deployment.image_rules import problems_of

DOCKERFILE = (reading.ROOT / "Dockerfile").read_text()


def hadolint(text):
    with named_when_lacking():
        return reading.run(reading.tool("hadolint"), "--no-color", "-", input=text)


def test_hadolint_finds_nothing():
    found = hadolint(DOCKERFILE)
    assert (found.returncode, found.stdout) == (0, "")


def test_hadolint_sees_what_is_wrong():
    assert "DL3020" in hadolint(DOCKERFILE.replace("COPY shared/", "ADD shared/")).stdout


def test_nothing_is_open_or_left_over(image):
    assert problems_of(image, reading.ROOT) == []


WRONG = {
    "a base that can change": ("@sha256:9c", "@sha256:", "the base can change"),
    "root": ("USER 10001:10001\n", "", "it runs as root"),
    "a shell": ('ENTRYPOINT ["/opt/fourgates/bin/serve"]', "ENTRYPOINT /opt/fourgates/bin/serve", "a shell stands"),
    "another start": ("bin/serve", "bin/python", "starts something else"),
    "another signal": ("STOPSIGNAL SIGTERM", "STOPSIGNAL SIGKILL", "SIGTERM"),
    "another port": ("EXPOSE 8080", "EXPOSE 80", "another port"),
    "sources in the image": ("COPY --from=build /opt", "COPY shared /srv\nCOPY --from=build /opt", "holds sources"),
    "more than copied": ("USER 10001", "RUN true\nUSER 10001", "more than copy"),
    "a label": ("image.licenses=", "image.licences=", "labels are missing"),
    "another way to install": ('.ci/install_alone.py "${SERVICE}"', "-m pip", "not installed as"),
    "no hashes": ("--no-deps --require-hashes", "--no-deps", "without hashes"),
    "what is not sent": ("COPY services/ services/", "COPY services/ cli/ ./", "cli is copied and not sent"),
    "what is not copied": ("COPY shared/ shared/\n", "", "shared is sent and not copied"),
    "a tool that is not there": ('CMD ["/opt/fourgates/bin/python"', 'CMD ["curl"', "not in it"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_seen(wrong):
    right, written, expected = WRONG[wrong]
    assert right in DOCKERFILE
    problems = problems_of(reading.Image.read(DOCKERFILE.replace(right, written)), reading.ROOT)
    assert any(expected in problem for problem in problems), problems


def test_secrets_that_are_sent_to_the_builder_are_seen(image, tmp_path):
    for name in ("requirements.lock", ".dockerignore"):
        shutil.copy(reading.ROOT / name, tmp_path)
    with (tmp_path / ".dockerignore").open("a") as file:
        file.write("!.env\n")
    assert ".env is sent and not copied" in problems_of(image, tmp_path)


@pytest.fixture
def asked():
    """A server that answers with a status, and what it was asked for."""
    paths = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            paths.append(self.path)
            self.send_response(self.server.status)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server, paths
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_the_health_check_asks_whether_it_is_ready(asked, image, status, healthy):
    server, paths = asked
    server.status = status
    _, *rest = image.health_command
    checked = reading.run(sys.executable, *rest, env={"FOURGATES_PORT": str(server.server_port)})
    assert (checked.returncode == 0, paths) == (healthy, ["/readyz"])


def test_only_locked_versions_are_asked_for():
    sys.path.insert(0, str(reading.ROOT / ".ci"))
    try:
        import install_alone  # noqa: PLC0415 - it is no package
    finally:
        sys.path.pop(0)
    names = ["issuer", *reading.SERVICES]
    wanted = {name: install_alone.needed_by(install_alone.members_of(name)) for name in names}
    lock = (reading.ROOT / "requirements.lock").read_text()
    for needed in (one for found in wanted.values() for one in found):
        package, _, version = needed.partition("==")
        assert f"\n{package.partition('[')[0]}=={version} \\\n" in lock
    assert not {"fourgates", "pytest"} & {one.partition("==")[0] for found in wanted.values() for one in found}
    # Each service has its own dependencies only.
    assert {name for name in names if any(one.startswith("defusedxml==") for one in wanted[name])} == {"release"}
