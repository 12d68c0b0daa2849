"""Where things are in this repository, for the tests of the house rules."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from eventsourcing.domain import CanMutateAggregate
from fourgates.chassis.aggregate import Aggregate

ROOT = Path(__file__).resolve().parents[2]
ROOMS = {"domain", "application", "reactions", "publishing", "views", "adapters", "api", "settings", "app"}
SERVICE_FOLDERS = sorted(folder for folder in (ROOT / "services").iterdir() if folder.is_dir())
PACKAGES = [folder / folder.name.replace("-", "_") for folder in SERVICE_FOLDERS]
SETTINGS: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that is, or is about to be, in the repository."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return tuple(path for name in names if name and (path := ROOT / name).is_file())


def sources(*folders: str) -> list[Path]:
    """Every Python file below these folders."""
    return [p for p in tracked() if p.suffix == ".py" and any(p.is_relative_to(ROOT / folder) for folder in folders)]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def room(path: Path) -> str | None:
    """The room of a service that a file is in, or nothing when it is in none."""
    package = next((package for package in PACKAGES if path.is_relative_to(package)), None)
    return path.relative_to(package).parts[0].removesuffix(".py") if package else None


def place(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def short(package: Path) -> str:
    """The service's own word: `release` for release_service."""
    return package.name.removesuffix("_service")


def module(package: Path, name: str) -> ModuleType | None:
    """A room of a service, imported, or nothing when the service does without it."""
    if not (package / f"{name}.py").exists() and not (package / name).is_dir():
        return None
    return importlib.import_module(f"{package.name}.{name}")


def aggregates(package: Path) -> list[type[Aggregate]]:
    """Every aggregate of a service's domain."""
    domain = module(package, "domain")
    if domain is None:
        return []
    for info in pkgutil.iter_modules(getattr(domain, "__path__", []), f"{domain.__name__}."):
        importlib.import_module(info.name)
    found: list[type[Aggregate]] = []
    waiting: list[type[Aggregate]] = [Aggregate]
    while waiting:
        for child in waiting.pop().__subclasses__():
            waiting.append(child)
            if child.__module__.startswith(domain.__name__):
                found.append(child)
    return sorted(found, key=lambda cls: cls.TOPIC)


def declared(cls: type[Aggregate]) -> dict[type[Any], str]:
    """The events written inside an aggregate, each with its docstring; the library adds classes that nobody wrote."""
    module_tree = tree(Path(inspect.getfile(cls)))
    written = next(n for n in ast.walk(module_tree) if isinstance(n, ast.ClassDef) and n.name == cls.__name__)
    nested = [(getattr(cls, n.name), ast.get_docstring(n) or "") for n in written.body if isinstance(n, ast.ClassDef)]
    return {event: words for event, words in nested if issubclass(event, CanMutateAggregate)}


def events(package: Path) -> dict[type[Any], str]:
    """Every event that a service's domain declares, with its docstring."""
    return {event: words for cls in aggregates(package) for event, words in declared(cls).items()}
