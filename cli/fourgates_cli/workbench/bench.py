"""Building and testing with checked-out media only: no package index and nothing of the host."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fourgates_cli.exits import AnticipatedError
from fourgates_cli.workbench.media import DigestMismatchError, Medium, medium_from, sha256_of
from fourgates_cli.workbench.sbom import bill_of_materials

# Every file in a wheel gets this time, so that the same source gives the same bytes: 2026-01-01.
EPOCH_S = 1_767_225_600
COMMAND_TIMEOUT_S = 120
_PLUGIN = Path(__file__).with_name("evidence_plugin.py")
_TESTS_RAN = (0, 1)


class BuildFailedError(AnticipatedError):
    """A build, or the making of its environment, failed; the text is what the tools said."""


@dataclass(frozen=True)
class Build:
    """What came out of a build, and what went in."""

    wheel: Medium
    sbom: Medium
    inputs: tuple[Medium, ...]


@dataclass(frozen=True)
class TestEvidence:
    """A test report that names the digest of what was tested."""

    __test__ = False

    suite: str
    tested_sha256: str
    junit_xml: str
    passed: bool


class Workbench:
    """A folder with tools that were checked out, and what was made with them."""

    def __init__(self, folder: Path) -> None:
        # Absolute, because the tools run with another working folder.
        self._folder = folder.resolve()
        self._environments = self._folder / "environments"

    def place(self, file_name: str, content: bytes, *, sha256: str, name: str, version: str, kind: str) -> Medium:
        """Lay checked-out bytes on the bench. Raises `DigestMismatchError` when they are not what was asked for."""
        if sha256_of(content) != sha256:
            msg = f"{file_name} is not {sha256}"
            raise DigestMismatchError(msg)
        file = self._folder / "checked-out" / sha256 / Path(file_name).name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return Medium(name=name, version=version, sha256=sha256, kind=kind, file=file)

    def build(self, source: Path, tools: Sequence[Medium]) -> Build:
        """Build the wheel of a source with these tools. Raises `BuildFailedError` when one is missing."""
        python, pip = self._environment(tools)
        out = self._fresh("built")
        command = [str(python), str(pip), "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
        command += ["--check-build-dependencies", "--no-cache-dir", "--wheel-dir", str(out), str(source)]
        said = self._run(command, {"SOURCE_DATE_EPOCH": str(EPOCH_S)})
        if said.returncode:
            raise BuildFailedError(said.stdout + said.stderr)
        wheel = self._kept(medium_from(next(out.glob("*.whl")), kind="wheel"))
        return Build(wheel=wheel, sbom=self._write_bill(wheel, tools), inputs=tuple(tools))

    def test(
        self, tested: Medium, tests: Path, tools: Sequence[Medium], *, suite: str, files: Sequence[str] = ()
    ) -> TestEvidence:
        """Run tests on exactly these bytes, away from any source. Raises `BuildFailedError` when no test could run.

        Without `files` the suite is everything in the folder of tests.
        """
        python, pip = self._environment(tools, *([tested] if tested.kind == "wheel" else []))
        del pip
        run = self._fresh("test-run")
        shutil.copytree(tests, run / "tests", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(_PLUGIN, run / "fourgates_evidence.py")
        report = run / "report.xml"
        # A configuration of its own: a folder further up may hold another project's.
        config = run / "pytest.ini"
        config.write_text("[pytest]\n", encoding="utf-8")
        command = [str(python), "-m", "pytest", "-c", str(config), "-q", "-p", "fourgates_evidence"]
        command += ["-p", "no:cacheprovider"]
        command += [f"tests/{file}" for file in files] or ["tests"]
        command += ["--junitxml", str(report), "-o", f"junit_suite_name={suite}"]
        said = self._run(command, {"PYTHONPATH": str(run), "TESTED_FILE": str(tested.file)}, cwd=run)
        if said.returncode not in _TESTS_RAN:
            raise BuildFailedError(said.stdout + said.stderr)
        junit_xml = report.read_text(encoding="utf-8")
        return TestEvidence(suite, tested.sha256, junit_xml, passed=said.returncode == 0)

    def write(self, file_name: str, content: bytes, *, name: str, version: str, kind: str) -> Medium:
        """Make a medium that needs no build: a document, a list."""
        file = self._folder / "written" / sha256_of(content) / file_name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return medium_from(file, kind=kind, name=name, version=version)

    def _write_bill(self, wheel: Medium, inputs: Sequence[Medium]) -> Medium:
        bill = bill_of_materials(wheel, inputs, epoch_s=EPOCH_S).encode()
        return self.write(
            f"{wheel.name}-{wheel.version}.cdx.json",
            bill,
            name=f"{wheel.name}-sbom",
            version=wheel.version,
            kind="sbom",
        )

    def _kept(self, built: Medium) -> Medium:
        return self.write(
            built.file.name, built.file.read_bytes(), name=built.name, version=built.version, kind=built.kind
        )

    def _environment(self, tools: Sequence[Medium], *tested: Medium) -> tuple[Path, Path]:
        """Return the Python of an environment that holds exactly these wheels, and the pip that filled it."""
        pip = next((tool.file / "pip" for tool in tools if tool.name == "pip"), None)
        if pip is None:
            msg = "pip is not among the checked-out tools"
            raise BuildFailedError(msg)
        wheels = [*(tool for tool in tools if tool.kind == "wheel"), *tested]
        key = hashlib.sha256("".join(sorted(wheel.sha256 for wheel in wheels)).encode()).hexdigest()[:16]
        python = self._environments / key / "bin" / "python"
        if not python.exists():
            self._fill(self._environments / key, pip, wheels)
        return python, pip

    def _fill(self, environment: Path, pip: Path, wheels: Sequence[Medium]) -> None:
        # Filled beside and renamed at the end would break the scripts inside, so a half-filled one is removed instead.
        made = self._run([sys.executable, "-m", "venv", "--without-pip", str(environment)])
        command = [str(environment / "bin" / "python"), str(pip), "install", "--quiet", "--no-index", "--no-cache-dir"]
        filled = self._run([*command, *(str(wheel.file) for wheel in wheels)]) if made.returncode == 0 else made
        if filled.returncode:
            shutil.rmtree(environment, ignore_errors=True)
            raise BuildFailedError(filled.stdout + filled.stderr)

    def _fresh(self, name: str) -> Path:
        folder = self._folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def _run(
        self, command: list[str], extra: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command with an environment of our own, so that no setting of the host names a package index."""
        self._folder.mkdir(parents=True, exist_ok=True)
        own = {"PATH": os.defpath, "HOME": str(self._folder), "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
        own |= {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        return subprocess.run(
            command,
            env=own | dict(extra or {}),
            cwd=cwd or self._folder,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
