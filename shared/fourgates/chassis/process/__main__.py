"""Run one service: `python -m fourgates.chassis.process <service>`; with `--check`, only look at its settings."""

from __future__ import annotations

import sys

from fourgates.chassis.logs import configure_logs, write_logs_of_libraries
from fourgates.chassis.process.running import CannotRun, Running
from fourgates.chassis.process.serving import CannotServe
from fourgates.chassis.process.settings import BadSettings, read_settings

USAGE = "usage: python -m fourgates.chassis.process <service> [--check]"
FAILED, MISUSED = 1, 2


def main(arguments: list[str]) -> int:
    """Run a service until it is asked to end; return the exit code."""
    names = [a for a in arguments if a != "--check"]
    if len(names) != 1:
        sys.stderr.write(f"{USAGE}\n")
        return MISUSED
    try:
        named = read_settings(names[0])
        if "--check" in arguments:
            return 0
        configure_logs(named.settings.log_level, service=named.name)
        write_logs_of_libraries(named.settings.log_level, service=named.name)
        Running(named).run()
    except BadSettings as bad:
        sys.stderr.write("".join(f"{problem}\n" for problem in bad.problems))
        return MISUSED
    except (CannotServe, CannotRun) as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
