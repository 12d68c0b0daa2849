"""Programs that exist only in Go, built once for all runs: Compose's own reader of its files, and kube-score.

`go/go.mod` names their versions, and `go/go.sum` the hash of everything that is built.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from fourgates.chassis.testing.lacking import Lacking

SOURCES = Path(__file__).resolve().parent / "go"
PROGRAMS = {"compose": "./compose", "kube-score": "github.com/zegl/kube-score/cmd/kube-score"}
# As go.mod says.
GO_MIN = (1, 24)
GO = f"Go {GO_MIN[0]}.{GO_MIN[1]} or later, with `go` on the PATH"
BUILD_S = 600.0
# For a test that may be the first to ask, or wait for one that is building.
PATIENCE_S = 2 * BUILD_S
PART = "A check of deployment files"


def program(name: str, sources: Path = SOURCES) -> str:
    """Return a program, built the first time. Raises `Lacking`, and `RuntimeError` for sources that are not right."""
    cache = Path(os.environ.get("FOURGATES_CACHE") or Path.home() / ".cache" / "fourgates")
    home = cache / "built-by-go" / _digest(sources)
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "bin").exists():
            _build(sources, home)
    return str(home / "bin" / name)


def _digest(sources: Path) -> str:
    files = sorted(file for file in sources.rglob("*") if file.is_file())
    said = [f"{file.relative_to(sources)} {hashlib.sha256(file.read_bytes()).hexdigest()}" for file in files]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]


def _build(sources: Path, home: Path) -> None:
    go = _go()
    fetched = _run(sources, go, "mod", "download")
    if fetched.returncode and "checksum mismatch" not in fetched.stderr:
        raise Lacking(
            PART, f"Go could not fetch what it builds: {fetched.stderr[-500:]}", f"{GO}, that can reach a module proxy"
        )
    partial = home / "partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    options = ("-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", f"{partial}/")
    # The tests beside it keep their time.
    built = fetched if fetched.returncode else _run(sources, "nice", go, "build", *options, *PROGRAMS.values())
    if built.returncode:
        raise RuntimeError(f"Go does not build {sources}: {built.stderr[-2000:]}")
    partial.rename(home / "bin")


def _go() -> str:
    go = shutil.which("go")
    if go is None:
        raise Lacking(PART, "there is no Go to build it with", GO)
    said = _run(Path.home(), go, "env", "GOVERSION").stdout.strip()
    version = re.match(r"go(\d+)\.(\d+)", said)
    if version is None or (int(version[1]), int(version[2])) < GO_MIN:
        raise Lacking(PART, f"{said or 'this Go'} is too old to build it", GO)
    return go


def _run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    # Without C there is one compiler less to have, and to wait for.
    environment = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=BUILD_S
    )
