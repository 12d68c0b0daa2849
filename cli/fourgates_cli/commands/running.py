"""Starting all services in one process, and walking through them."""

from __future__ import annotations

import signal
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from fourgates.chassis.logs import configure_logs
from fourgates.chassis.settings import ServiceSettings
from rich.console import Console

from fourgates_cli import places
from fourgates_cli.client import FileRecorder, no_record
from fourgates_cli.exits import AnticipatedError
from fourgates_cli.people import Secrets, ensure_people

Data = Annotated[Path, typer.Option("--data", envvar="FOURGATES_DATA", help="The data folder; made when missing.")]
Port = Annotated[int, typer.Option("--port", envvar="FOURGATES_PORT", min=0, max=65535, help="0 picks a free port.")]
Wheelhouse = Annotated[
    Path, typer.Option("--wheelhouse", envvar="FOURGATES_WHEELHOUSE", help="Where third-party wheels lie.")
]
Record = Annotated[
    Path | None, typer.Option("--record", help="Write every HTTP exchange to this file, a line of JSON each.")
]
# Who only logs in need not load six services, the walk-through and what builds: that is loaded where it is used.
if TYPE_CHECKING:
    from fourgates_cli.embedded import Embedded
    from fourgates_cli.workbench import Medium


class CannotStartError(AnticipatedError):
    """The services cannot be started, because the port or a file is not to be had."""


LOCK = places.EXAMPLES / "wheelhouse.lock"
console = Console(highlight=False)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command("up")(up)
    app.command("demo")(demo)
    app.command("walkthrough")(walkthrough)
    app.command("wheelhouse")(wheelhouse)


def up(data: Data = places.DATA, port: Port = places.PORT) -> None:
    """Start all services in one process on one port, and stay up."""
    configure_logs(ServiceSettings().log_level)
    people = ensure_people(data)
    with _embedded(data, port) as running:
        _say_where(running.url, data, people)
        _stay()


def demo(
    *,
    stay: Annotated[bool, typer.Option(help="Stay up after the walk-through.")] = True,
    port: Port = places.PORT,
    data: Annotated[Path | None, typer.Option("--data", help="A fresh data folder; by default a new one.")] = None,
    wheels: Wheelhouse = places.WHEELHOUSE,
    record: Record = None,
) -> None:
    """Start all services on a fresh data folder, run the walk-through, stay up and say where to look."""
    configure_logs("error")  # The narration is what is to be read.
    _fetch(wheels)
    data = data or places.DEMOS / datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    people = ensure_people(data)
    with _embedded(data, port if stay else 0) as running:
        _walk(running.url, people, data / "workbench", wheels, record)
        if stay:
            _say_where(running.url, data, people)
            _stay()


def walkthrough(
    secrets: Annotated[
        Path, typer.Option("--secrets", help="The secrets of the people, as `fourgates up` wrote them.")
    ],
    url: Annotated[str, typer.Option("--url", envvar="FOURGATES_URL", help="Where Fourgates answers.")] = places.URL,
    bench: Annotated[Path, typer.Option("--workbench", help="Where to build and test.")] = places.HOME / "workbench",
    wheels: Wheelhouse = places.WHEELHOUSE,
    record: Record = None,
) -> None:
    """Walk five acts of releases through a running Fourgates that holds no releases yet."""
    people = Secrets.read(secrets)
    _walk(url, people, bench, wheels, record)


def wheelhouse(
    folder: Annotated[Path, typer.Option("--folder", envvar="FOURGATES_WHEELHOUSE")] = places.WHEELHOUSE,
) -> None:
    """Fetch the third-party wheels of the example by the hashed lock; nothing else ever asks a package index."""
    for wheel in _fetch(folder):
        console.print(f"{wheel.name} {wheel.version}  sha256 {wheel.sha256}")


def _fetch(folder: Path) -> tuple[Medium, ...]:
    from fourgates_cli.workbench import fetch_wheelhouse  # noqa: PLC0415 - see above

    return fetch_wheelhouse(LOCK, folder)


def _embedded(data: Path, port: int) -> Embedded:
    from fourgates.chassis.process.serving import collect_rarely  # noqa: PLC0415 - see above

    from fourgates_cli.embedded import Embedded  # noqa: PLC0415 - see above

    try:
        running = Embedded(data, port=port)
    except OSError as error:
        raise CannotStartError(f"cannot start on port {port} with {data}: {error}") from error
    collect_rarely()
    return running


def _walk(url: str, people: Secrets, bench: Path, wheels: Path, record: Path | None) -> None:
    from fourgates_cli.walkthrough.run import Setting, walk_through  # noqa: PLC0415 - see above

    setting = Setting(
        url=url,
        secrets=people,
        bench=bench,
        wheels=_fetch(wheels),
        example=places.EXAMPLES / "parcel-tracking",
        record=FileRecorder(record) if record else no_record,
    )
    walk_through(setting)


def _say_where(url: str, data: Path, people: Secrets) -> None:
    console.print(f"\nFourgates answers at {url} (loopback only); its data lies in {data.resolve()}.", soft_wrap=True)
    for service in ("change", "release", "dml", "deploy", "review", "operations"):
        console.print(f"  {service:<11} {url}/{service}/docs")
    console.print(f"People and their secrets: {people.file.resolve()}. For example:", soft_wrap=True)
    console.print(f"  fourgates login --url {url} --username rhea")
    console.print("End with Ctrl-C.")


def _stay() -> None:
    """Wait until somebody asks this process to end."""
    asked_to_end = threading.Event()
    for asked in (signal.SIGINT, signal.SIGTERM):
        signal.signal(asked, lambda _signal, _frame: asked_to_end.set())
    asked_to_end.wait()
