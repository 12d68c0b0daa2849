"""A version of the example is its folders, laid one over the other."""

from __future__ import annotations

from pathlib import Path

import pytest
from fourgates_cli.workbench import DigestMismatchError, Workbench, lay_out, read_lock, sha256_of, versions_of

EXAMPLES = Path(__file__).parents[3] / "examples"
EXAMPLE = EXAMPLES / "parcel-tracking"


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0", "1.1.1", "1.1.2"])
def test_each_version_says_its_number(tmp_path: Path, version: str) -> None:
    source = lay_out(EXAMPLE, version, tmp_path / "source")
    assert f'__version__ = "{version}"' in (source / "parcel_tracking" / "__init__.py").read_text()


def test_an_older_source_leaves_nothing_behind(tmp_path: Path) -> None:
    lay_out(EXAMPLE, "1.1.2", tmp_path / "source")
    lay_out(EXAMPLE, "1.0.0", tmp_path / "source")
    assert not (tmp_path / "source" / "tests" / "test_privacy.py").exists()


def test_every_folder_belongs_to_a_version() -> None:
    named = {folder for folders in versions_of(EXAMPLE).values() for folder in folders}
    assert named == {folder.name for folder in EXAMPLE.iterdir() if folder.is_dir()}


def test_every_line_of_the_lock_has_a_digest() -> None:
    locked = read_lock(EXAMPLES / "wheelhouse.lock")
    assert {"pip", "flit-core", "pytest"} <= {one.name for one in locked}
    assert all(one.sha256s for one in locked)


def test_bytes_with_another_digest_do_not_reach_the_bench(tmp_path: Path) -> None:
    bench = Workbench(tmp_path)
    with pytest.raises(DigestMismatchError):
        bench.place("a.whl", b"other", sha256=sha256_of(b"these"), name="a", version="1", kind="wheel")
