"""What others wrote lies here as it was published, with its licence, and a browser is told its hash."""

from __future__ import annotations

import base64

from operations_service.api.console.assets import ASSETS

from tests import vendored


def test_every_vendored_file_is_the_one_that_was_fetched():
    assert vendored.hashes() == vendored.listed(), "run `make vendored`"


def test_nothing_else_lies_there_and_every_package_brings_its_licence():
    assert set(vendored.listed()) == vendored.expected()
    for package in vendored.PACKAGES:
        assert [name for name in vendored.expected() if name.startswith(f"{vendored.folder_of(package)}/LICENSE")]


def test_a_browser_is_told_the_hash_that_was_listed():
    told = {name: asset.integrity for name, asset in ASSETS.items() if asset.for_ever}
    listed = {name: f"sha256-{base64.b64encode(bytes.fromhex(d)).decode()}" for name, d in vendored.listed().items()}
    assert told == {name: listed[name] for name in told}
    assert len(told) == 3
