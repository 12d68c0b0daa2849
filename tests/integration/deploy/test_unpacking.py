"""What is not unpacked, and that the digest names every byte."""

from __future__ import annotations

import io
import zipfile

import pytest
from deploy_service.adapters.unpacking import BadArchive, Limits, manifest_of_files, manifest_of_folder, unpacked

LIMITS = Limits(bytes_max=1000, entries_max=5)


@pytest.mark.parametrize(
    "name",
    ["../evil", "a/../../evil", "/etc/evil", "a\\evil", "c:evil", "./a", "a/./b", "x" * 500],
)
def test_a_path_that_leads_elsewhere_is_not_unpacked(kit, name):
    with pytest.raises(BadArchive):
        unpacked(kit.a_zip({name: "x"}), LIMITS)


@pytest.mark.parametrize(
    "files",
    [{f"f{n}": "" for n in range(6)}, {"large": "x" * 1001}, {"a": "x" * 600, "b": "x" * 600}],
)
def test_more_than_is_allowed_is_not_unpacked(kit, files):
    with pytest.raises(BadArchive):
        unpacked(kit.a_zip(files), LIMITS)


def test_a_bomb_stops_at_the_limit(kit):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", b"\0" * 50_000_000)
    with pytest.raises(BadArchive, match="more bytes"):
        unpacked(content.getvalue(), LIMITS)


def test_links_and_doubles_and_rubbish_are_not_unpacked(kit):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(BadArchive, match="no plain file"):
        unpacked(content.getvalue(), LIMITS)
    with pytest.raises(BadArchive, match="no wheel"):
        unpacked(b"rubbish", LIMITS)
    double = io.BytesIO()
    with zipfile.ZipFile(double, "w") as archive:
        archive.writestr("a", "1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a", "2")
    with pytest.raises(BadArchive, match="twice"):
        unpacked(double.getvalue(), LIMITS)


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_whatever_is_damaged_is_told_as_a_bad_archive_and_as_nothing_else(packing):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", packing) as archive:
        archive.writestr("greeter/__main__.py", "print('hello')\n" * 9)
    sound, told = content.getvalue(), 0
    for place in range(len(sound)):
        for value in (0, 99, 255):
            damaged = bytearray(sound)
            damaged[place] = value
            try:
                unpacked(bytes(damaged), LIMITS)
            except BadArchive:
                told += 1
    assert told > len(sound) / 2


def test_damaged_bytes_are_not_unpacked(kit):
    content = bytearray(kit.a_zip({"a": "hello hello"}))
    content[content.index(b"hello")] = 0
    with pytest.raises(BadArchive, match="damaged"):
        unpacked(bytes(content), LIMITS)


def test_libraries_of_a_wheel_lie_beside_its_packages(kit):
    assert unpacked(kit.a_zip({"x.data/purelib/x/a.py": "1", "x/b.py": "2"}), LIMITS) == {
        "x/a.py": b"1",
        "x/b.py": b"2",
    }


def test_the_digest_of_a_folder_is_that_of_its_files(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.py").write_bytes(b"1")
    (tmp_path / "c.py").write_bytes(b"2")
    files = {"a/b.py": b"1", "c.py": b"2"}
    assert manifest_of_folder(tmp_path) == manifest_of_files(files)
    (tmp_path / "more").symlink_to("/etc/hosts")
    assert manifest_of_folder(tmp_path) != manifest_of_files(files)
    assert manifest_of_files({"a": b"1"}) != manifest_of_files({"b": b"1"})
