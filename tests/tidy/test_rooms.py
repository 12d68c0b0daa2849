"""The rooms of the house: which there are, and that the import rules know all of them."""

from __future__ import annotations

import ast

from house import PACKAGES, ROOMS, ROOT, SERVICE_FOLDERS, SETTINGS, place, room, sources, tree

CONTRACTS = {contract["id"]: contract for contract in SETTINGS["tool"]["importlinter"]["contracts"]}
SERVICES = {package.name for package in PACKAGES}


def test_every_service_folder_is_named_after_its_package() -> None:
    assert len(SERVICE_FOLDERS) == 6
    assert not [package for package in PACKAGES if not (package / "__init__.py").exists()]


def test_every_import_rule_knows_every_service() -> None:
    assert set(SETTINGS["tool"]["importlinter"]["root_packages"]) == SERVICES | {"fourgates", "fourgates_cli"}
    assert set(CONTRACTS["services-are-independent"]["modules"]) == SERVICES
    assert set(CONTRACTS["rooms-point-down"]["containers"]) == SERVICES
    assert set(CONTRACTS["the-house-points-down"]["layers"][1].split(" | ")) == SERVICES
    assert set(CONTRACTS["the-testing-kit-stays-in-tests"]["source_modules"]) == SERVICES | {"fourgates_cli"}


def test_the_layers_are_exactly_the_rooms() -> None:
    layers = CONTRACTS["rooms-point-down"]["layers"]
    assert {name.strip(" ()") for layer in layers for name in layer.split("|")} == ROOMS
    assert CONTRACTS["rooms-point-down"]["exhaustive"] is True


def test_a_service_has_no_other_rooms() -> None:
    strange = [
        f"{package.name}/{entry.name}"
        for package in PACKAGES
        for entry in package.iterdir()
        if entry.name not in {"__init__.py", "py.typed", "__pycache__"} and entry.name.removesuffix(".py") not in ROOMS
    ]
    assert not strange


def test_a_hyphenated_folder_only_holds_the_package() -> None:
    allowed = {"pyproject.toml", "README.md"}
    strange = [
        str(entry.relative_to(ROOT))
        for folder, package in zip(SERVICE_FOLDERS, PACKAGES, strict=True)
        for entry in folder.iterdir()
        if entry != package and entry.name not in allowed and not entry.name.endswith(".egg-info")
    ]
    assert not strange


def test_no_ignored_import_was_added() -> None:
    ignored = [line for contract in CONTRACTS.values() for line in contract.get("ignore_imports", [])]
    assert ignored == ["*.domain -> fourgates.chassis.aggregate", "*.domain.** -> fourgates.chassis.aggregate"]


def test_services_leave_the_commit_to_the_edge() -> None:
    # Decision 0009: one unit of work per request and per reaction, which the chassis commits.
    commits = [
        place(path, node.lineno)
        for path in sources("services")
        if room(path) != "adapters"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit"
    ]
    assert not commits
