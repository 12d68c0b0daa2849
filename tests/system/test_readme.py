"""The README's first change is true when run."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from fourgates_cli.embedded import Embedded

ROOT = Path(__file__).parents[2]
# The script starts the command twenty times, each in a process of its own: on a busy machine that takes minutes.
SCRIPT_S = 300
SECTION = "## Your own first change, with curl"


@pytest.mark.timeout(SCRIPT_S + 60)
def test_the_first_change_of_the_readme_is_authorized(tmp_path: Path) -> None:
    section = (ROOT / "README.md").read_text().split(SECTION)[1]
    script = re.findall(r"```bash\n(.*?)```", section, re.DOTALL)[0]
    with Embedded(tmp_path) as running:
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            env=os.environ | {"URL": running.url, "DATA": str(tmp_path)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=SCRIPT_S,
            check=False,
        )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert '"type":"change.ChangeAuthorized"' in ran.stdout or '"type":"change.Authorized"' in ran.stdout
