"""`make secrets` makes them once, for their owner alone, and where git does not look."""

from __future__ import annotations

import shutil
import stat
import sys

from tests.deployment import reading

FOLDERS = (".fourgates/installation", "k8s/overlays/development/secrets")
# A container reads this one as another user; its folder lets nobody in.
FOR_A_CONTAINER = ".fourgates/installation/people.json"


def files_of(root):
    return [root / ".env", *(file for folder in FOLDERS for file in (root / folder).iterdir())]


def test_they_are_for_their_owner_alone(installation):
    for folder in FOLDERS:
        assert stat.S_IMODE((installation / folder).stat().st_mode) == 0o700
    modes = {str(file.relative_to(installation)): stat.S_IMODE(file.stat().st_mode) for file in files_of(installation)}
    assert modes.pop(FOR_A_CONTAINER) == 0o644
    assert set(modes.values()) == {0o600}
    secret = reading.variables_of(installation / ".env")["OWNER_DATABASE_PASSWORD"]
    assert secret not in (installation / FOR_A_CONTAINER).read_text()


def test_what_is_there_stays(installation, tmp_path):
    root = tmp_path / "again"
    shutil.copytree(installation, root)
    made = reading.run(sys.executable, str(root / "k8s/make_secrets.py"))
    assert made.returncode == 0, made.stderr
    before, after = (
        {str(file.relative_to(one)): file.read_bytes() for file in files_of(one)} for one in (installation, root)
    )
    assert before == after


def test_git_does_not_take_them(installation):
    names = [str(file.relative_to(installation)) for file in files_of(installation)]
    ignored = reading.run("git", "check-ignore", *names, cwd=reading.ROOT)
    assert ignored.stdout.split() == names


def test_no_two_secrets_are_the_same(installation):
    values = list(reading.variables_of(installation / ".env").values())
    keys = [file.read_bytes() for file in (installation / FOLDERS[1]).glob("*.key")]
    assert len({*values}) == len(values) == 13
    assert len({*keys}) == len(keys) == 4
    assert all(len(key) == 32 for key in keys)
