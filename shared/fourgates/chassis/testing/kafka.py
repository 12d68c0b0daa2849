"""A real Kafka for tests, without a container: its published jars on the Java of this machine, one node, a free port.

`FOURGATES_TEST_KAFKA` names a Kafka to use instead; tests that stop or kill a broker start one of their own anyway.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from fourgates.chassis.bus import BusUnavailable
from fourgates.chassis.bus.kafka import ensure_topics
from fourgates.chassis.testing.lacking import Lacking
from fourgates.chassis.testing.ports import HOST, HeldPort

VERSION = "4.1.1"
JAVA_MIN = 17
START_S = 60.0
STOP_S = 20.0
DOWNLOAD_S = 600.0
INSTALL = f"Java {JAVA_MIN} or later and Maven (apt install openjdk-17-jre-headless maven), or set FOURGATES_TEST_KAFKA"

_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_POM = f"""<project><modelVersion>4.0.0</modelVersion>
<groupId>fourgates</groupId><artifactId>kafka-for-tests</artifactId><version>1</version>
<dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
</dependencies></project>
"""
# A small heap and the first compiler only: a test broker lives for seconds, so what counts is how soon it is up.
_JVM = (
    "-Xms128m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)
_PROPERTIES = """process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers={host}:{controller}
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.num.partitions=3
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=1000
broker.heartbeat.interval.ms=200
"""


class KafkaServer:
    """One Kafka in a folder of its own: it can be stopped, killed and started again on the same data."""

    def __init__(self, folder: Path) -> None:
        self._java = _java()
        self._jars = kafka_jars()
        self._folder = folder
        self._port, self._controller = HeldPort(), HeldPort()
        self._process: subprocess.Popen[bytes] | None = None
        self.bootstrap = f"{HOST}:{self._port.number}"
        folder.mkdir(parents=True, exist_ok=True)
        self._properties = folder / "server.properties"
        self._properties.write_text(
            _PROPERTIES.format(
                host=HOST, port=self._port.number, controller=self._controller.number, data=folder / "data"
            )
        )
        arguments = ("format", "--standalone", "--cluster-id", _cluster_id(), "--config", str(self._properties))
        subprocess.run(
            self._command("kafka.tools.StorageTool", *arguments), check=True, capture_output=True, timeout=START_S
        )

    @property
    def is_running(self) -> bool:
        """True between start and stop."""
        return self._process is not None

    def start(self) -> None:
        """Start the broker and wait until it answers. Raises `RuntimeError` with its last words."""
        with (self._folder / "kafka.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command("kafka.Kafka", str(self._properties)), stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        until = time.monotonic() + START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                self.kill()
                said = (self._folder / "kafka.log").read_text(errors="replace")[-2000:]
                msg = f"Kafka did not start: {said}"
                raise RuntimeError(msg)
            time.sleep(0.05)

    def stop(self) -> None:
        """Let the broker end in order."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None

    def kill(self) -> None:
        """End the broker at once, as kill -9 does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_S)
            self._process = None

    def remove(self) -> None:
        """End the broker if it runs, and delete its folder."""
        self.kill()
        for port in (self._port, self._controller):
            port.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            with socket.create_connection((HOST, self._port.number), timeout=1):
                pass
            ensure_topics(self.bootstrap, ())
        except (OSError, BusUnavailable):
            return False
        return True

    def _command(self, main: str, *arguments: str) -> list[str]:
        return [self._java, *_JVM, "-cp", f"{self._jars}/*", main, *arguments]


@contextmanager
def running_kafka(folder: Path) -> Iterator[KafkaServer]:
    """Run a Kafka for the length of a block. Raises `Lacking` when this machine has not what it takes."""
    server = KafkaServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.remove()


def given_kafka() -> str | None:
    """Return the bootstrap servers of the Kafka that tests were told to use, if they were."""
    return os.environ.get("FOURGATES_TEST_KAFKA") or None


def kafka_jars() -> Path:
    """Return the folder of Kafka's jars, fetched by Maven the first time. Raises `Lacking`."""
    cache = Path(os.environ.get("FOURGATES_CACHE") or Path.home() / ".cache" / "fourgates")
    home = cache / "kafka" / VERSION
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "jars").exists():
            _fetch(home)
    return home / "jars"


def _fetch(home: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise Lacking("Kafka", "there is no Maven to fetch it with", INSTALL)
    (home / "pom.xml").write_text(_POM)
    partial = home / "partial"
    shutil.rmtree(partial, ignore_errors=True)
    command = [maven, "-q", "-B", "-f", str(home / "pom.xml"), _PLUGIN, f"-DoutputDirectory={partial}"]
    done = subprocess.run(
        [*command, "-DincludeScope=runtime"], check=False, capture_output=True, text=True, timeout=DOWNLOAD_S
    )
    if done.returncode:
        raise Lacking("Kafka", f"Maven could not fetch it: {done.stdout[-500:]}", INSTALL)
    partial.rename(home / "jars")


def _java() -> str:
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin" if home else None)
    if java is None:
        raise Lacking("Kafka", "there is no Java", INSTALL)
    said = subprocess.run([java, "-version"], check=True, capture_output=True, text=True, timeout=START_S).stderr
    version = said.partition('"')[2].partition(".")[0].partition('"')[0]
    if not version.isdecimal() or int(version) < JAVA_MIN:
        raise Lacking("Kafka", f"Java {version} is too old", INSTALL)
    return java


def _cluster_id() -> str:
    # Kafka wants 16 bytes in URL-safe base64, which a UUID without its version's dashes fits by length.
    return uuid4().hex[:22]
