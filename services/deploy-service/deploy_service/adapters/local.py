"""The executor of the embedded default: a node is a folder and a process on this machine."""

from __future__ import annotations

import json
import re
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from fourgates.chassis.http_client import HttpClient, HttpFailed

from deploy_service.adapters.media import Media, MediaFailed
from deploy_service.adapters.processes import Processes, Started, tail_of
from deploy_service.adapters.unpacking import BadArchive, Limits, manifest_of_files, manifest_of_folder, unpacked
from deploy_service.application import Place
from deploy_service.domain import NOTHING, Item, Package, Result, Step

MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
UNPACKED_KINDS = ("wheel",)
PROBE_PAUSE_S = 0.1
DETAIL_CHARS_MAX = 1000


class StepFailed(Exception):
    """A step that could not be carried out, in words for the record."""


@dataclass(frozen=True)
class Standing:
    """What stands on a node, as its folder says it: what was unpacked, and the process that was started."""

    folder: str
    module: str = ""
    pid: int = 0
    began: str = ""
    port: int = 0
    parked: bool = False

    @property
    def started(self) -> Started:
        """The process."""
        return Started(self.pid, self.began, self.port)


class LocalProcesses:
    """Carries out steps in folders below one data folder. Every call may be repeated."""

    def __init__(
        self,
        folder: Path,
        *,
        media: Media,
        client: HttpClient,
        processes: Processes,
        limits: Limits,
        timeout_s_max: int,
        stop_on_close: bool,
    ) -> None:
        self._folder = folder.resolve()
        self._media = media
        self._client = client
        self._processes = processes
        self._limits = limits
        self._timeout_s_max = timeout_s_max
        self._stop_on_close = stop_on_close
        self._locks: defaultdict[Place, threading.RLock] = defaultdict(threading.RLock)
        self._closing = threading.Event()

    # What the runners ask for.

    def carry_out(self, step: Step, place: Place, *, package: Package, before: Package | None) -> Result:
        """Carry out one step; a failure is a result and no exception."""
        actions: dict[str, Callable[[], str]] = {
            "install": lambda: self._install(place, package.items, package.version, self._timeout_s(step)),
            "start": lambda: self._start(place, step.path, self._timeout_s(step), wanted=None),
            "stop": lambda: self._stop(place),
            "probe": lambda: self._probe(place, step),
            "restore": lambda: self._restore(place, before, self._timeout_s(step)),
            "remove": lambda: self._remove(place),
        }
        return self._measured(place, actions[step.action])

    def verify(self, place: Place, expected: Package | None) -> Result:
        """Compare what really runs with a package, or with nothing; the result names what was found."""

        def compare() -> str:
            authorized = NOTHING if expected is None else self._authorized(expected.items, self._timeout_s_max)
            found = self.inspect(place)
            if found != authorized:
                raise StepFailed(f"{found} runs, {authorized} was authorized")
            return found

        result = self._measured(place, compare)
        runs = result.succeeded and expected is not None
        return replace(result, manifest_digest=result.detail) if runs else result

    def inspect(self, place: Place) -> str:
        """Return the digest of what really runs, or that nothing does."""
        with self._locks[place]:
            standing = self._read(place)
            if standing is None or not self._processes.alive(standing.started):
                return NOTHING
            return manifest_of_folder(self._at(place) / standing.folder)

    def keep(self, place: Place, package: Package, url: str | None) -> None:
        """See to it that this package runs there, under the address that it had, if that is free."""

        def bring() -> str:
            self._install(place, package.items, package.version, self._timeout_s_max)
            port = urlsplit(url).port if url else None
            return self._start(place, package.module, self._timeout_s_max, wanted=port)

        with self._locks[place]:
            if self.inspect(place) == NOTHING:
                self._measured(place, bring)

    def clear(self, place: Place) -> Result:
        """Leave nothing of a place, neither software nor data."""

        def clear() -> str:
            self._remove(place)
            shutil.rmtree(self._at(place), ignore_errors=True)
            return "nothing is left"

        return self._measured(place, clear)

    def close(self) -> None:
        """End the processes of all nodes, if so set; they are started again by `revive`."""
        self._closing.set()
        if not self._stop_on_close:
            return
        for record in self._folder.glob("*/*/*/standing.json"):
            standing = _standing(record)
            if standing is not None and self._processes.alive(standing.started):
                _write(record, replace(standing, parked=True))
                self._processes.stop(standing.started)

    def revive(self) -> None:
        """Start again what `close` has ended."""
        for record in self._folder.glob("*/*/*/standing.json"):
            environment_id, node, service_id = record.parent.parts[-3:]
            with self._locks[Place(UUID(environment_id), node, UUID(service_id))]:
                self._unpark(record.parent)

    # The actions. Each returns what it did, in words, or raises.

    def _install(self, place: Place, items: Sequence[Item], version: str, timeout_s: float) -> str:
        files = self._files(items, timeout_s)
        manifest = manifest_of_files(files)
        name = f"releases/{re.sub('[^A-Za-z0-9._-]', '_', version)}-{manifest[:12]}"
        folder = self._at(place) / name
        if not folder.exists() or manifest_of_folder(folder) != manifest:
            shutil.rmtree(folder, ignore_errors=True)
            arriving = folder.with_name(f".{folder.name}")
            shutil.rmtree(arriving, ignore_errors=True)
            arriving.mkdir(parents=True)
            for path, content in files.items():
                target = arriving / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            arriving.rename(folder)
        standing = self._read(place)
        upcoming = self._at(place) / "next"
        if standing is not None and standing.pid:
            # The old version goes on until the next one is started in its place.
            upcoming.write_text(name)
        else:
            upcoming.unlink(missing_ok=True)
            self._write(place, replace(standing or Standing(name), folder=name, module=""))
        return f"{len(files)} files unpacked"

    def _start(self, place: Place, module: str, timeout_s: float, *, wanted: int | None) -> str:
        if not MODULE.fullmatch(module):
            raise StepFailed("the step names no module")
        at = self._at(place)
        standing = self._read(place)
        upcoming = at / "next"
        folder = upcoming.read_text() if upcoming.exists() else (standing.folder if standing else "")
        if not folder:
            raise StepFailed("nothing is installed here")
        same = standing is not None and (standing.folder, standing.module) == (folder, module)
        if standing is not None and same and self._processes.alive(standing.started):
            upcoming.unlink(missing_ok=True)
            return "it runs already"
        if standing is not None and standing.pid:
            self._processes.stop(standing.started)
        port = self._processes.free_port(wanted or (standing.port if standing else None) or None)
        started = self._processes.start(module, folder=at / folder, work=at / "work", log=at / "node.log", port=port)
        self._write(place, Standing(folder, module, started.pid, started.began, port))
        upcoming.unlink(missing_ok=True)
        if not self._processes.listens(started, timeout_s=timeout_s):
            raise StepFailed(f"it does not listen on its port: {tail_of(at / 'node.log')}")
        return "it listens"

    def _stop(self, place: Place) -> str:
        standing = self._read(place)
        if standing is None or not standing.pid:
            return "nothing runs here"
        self._processes.stop(standing.started)
        self._write(place, replace(standing, pid=0, began=""))
        return "it has ended"

    def _probe(self, place: Place, step: Step) -> str:
        standing = self._read(place)
        if standing is None or not standing.pid:
            raise StepFailed("nothing runs here that could answer")
        url = f"{self._processes.url_of(standing.port)}/{step.path.lstrip('/')}"
        until = time.monotonic() + self._timeout_s(step)
        seen = "no answer"
        while (left := until - time.monotonic()) > 0:
            try:
                status = self._client.request("GET", url, timeout_s=left).status_code
            except HttpFailed as failed:
                seen = failed.reason
            else:
                if status == step.expect_status:
                    return f"answered {status}"
                seen = f"answered {status}"
            time.sleep(min(PROBE_PAUSE_S, max(left, 0)))
        raise StepFailed(f"{step.path}: {seen}, expected {step.expect_status}")

    def _restore(self, place: Place, before: Package | None, timeout_s: float) -> str:
        if before is None:
            self._remove(place)
            return "nothing stood here before"
        self._install(place, before.items, before.version, timeout_s)
        self._start(place, before.module, timeout_s, wanted=None)
        return f"version {before.version} stands again"

    def _remove(self, place: Place) -> str:
        self._stop(place)
        at = self._at(place)
        for name in ("standing.json", "next"):
            (at / name).unlink(missing_ok=True)
        shutil.rmtree(at / "releases", ignore_errors=True)
        return "removed"

    # How it is done.

    def _measured(self, place: Place, action: Callable[[], str]) -> Result:
        began = time.monotonic()
        with self._locks[place]:
            try:
                self._unpark(self._at(place))
                detail, succeeded = action(), True
            except (StepFailed, MediaFailed, BadArchive, OSError) as failed:
                detail, succeeded = str(failed) or type(failed).__name__, False
            standing = self._read(place)
        if self._closing.is_set():
            # What fails while everything ends says nothing about the step: it is carried out again after the restart.
            raise InterruptedError("deployment is ending")
        url = self._processes.url_of(standing.port) if standing is not None and standing.pid else None
        duration_s = round(time.monotonic() - began, 6)
        return Result(succeeded=succeeded, duration_s=duration_s, detail=fit_for_the_record(detail), url=url)

    def _files(self, items: Sequence[Item], timeout_s: float) -> dict[str, bytes]:
        files: dict[str, bytes] = {}
        for item in items:
            content = self._media.fetch(item.sha256, timeout_s=timeout_s)
            if item.kind in UNPACKED_KINDS:
                for path, part in unpacked(content, self._limits).items():
                    if files.setdefault(path, part) != part:
                        raise BadArchive(f"two items have a file {path}")
        return files

    def _authorized(self, items: Sequence[Item], timeout_s: float) -> str:
        return manifest_of_files(self._files(items, timeout_s))

    def _unpark(self, at: Path) -> None:
        """Start again what was ended with the service, so that a restart in the middle changes nothing."""
        standing = _standing(at / "standing.json")
        if standing is None or not standing.parked:
            return
        _write(at / "standing.json", replace(standing, parked=False))
        with suppress(OSError):
            port = self._processes.free_port(standing.port)
            started = self._processes.start(
                standing.module, folder=at / standing.folder, work=at / "work", log=at / "node.log", port=port
            )
            _write(at / "standing.json", Standing(standing.folder, standing.module, started.pid, started.began, port))
            self._processes.listens(started, timeout_s=self._timeout_s_max)

    def _timeout_s(self, step: Step) -> float:
        return float(min(max(step.timeout_s, 1), self._timeout_s_max))

    def _at(self, place: Place) -> Path:
        name = re.sub("[^A-Za-z0-9_-]", "_", place.node)
        return self._folder / str(place.environment_id) / name / str(place.service_id)

    def _read(self, place: Place) -> Standing | None:
        return _standing(self._at(place) / "standing.json")

    def _write(self, place: Place, standing: Standing) -> None:
        _write(self._at(place) / "standing.json", standing)


def fit_for_the_record(detail: str) -> str:
    """Return what was seen without what no store keeps: a log or an archive can hold any character, and any number."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in detail)[
        :DETAIL_CHARS_MAX
    ]


def _standing(record: Path) -> Standing | None:
    try:
        kept: dict[str, Any] = json.loads(record.read_text())
    except (OSError, ValueError):
        return None
    return Standing(**kept)


def _write(record: Path, standing: Standing) -> None:
    record.parent.mkdir(parents=True, exist_ok=True)
    arriving = record.with_suffix(".arriving")
    arriving.write_text(json.dumps(asdict(standing)))
    arriving.replace(record)
