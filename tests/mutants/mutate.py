"""Removes every refusal of the domains once, and expects a unit test of that service to go red each time.

A refusal is one `yield Unmet(...)` or `yield Forbidden(...)` (decision 0003). Each mutant is made by editing the
syntax tree of its module at import, in a process of its own: neither the tree on disk nor a copy is written.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType

ROOT = Path(__file__).resolve().parents[2]
REFUSALS = ("Unmet", "Forbidden")
CPU_S_MAX = 300  # A mutant that never ends is as dead as a red one.
PYTEST = (
    *("-x", "-q", "--no-header", "--tb=line", "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning", "--hypothesis-profile=mutants"),
)
NO_TESTS = ("no-unit-tests",)
GREEN, RED, NOTHING_COLLECTED = 0, 1, 5


@dataclass(frozen=True)
class Refusal:
    """One condition that refuses a command: where it stands and what it is called."""

    path: Path
    module: str
    index: int  # The how-manieth refusal of its module.
    code: str
    first_line: int  # Of the condition that it hangs on.
    line: int
    last_line: int

    @property
    def service(self) -> str:
        return self.module.partition("_service")[0]

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} {self.code}"


def is_refusal(call: ast.AST | None) -> bool:
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in REFUSALS


def is_refusing(statement: ast.AST) -> bool:
    """Whether this statement is a refusal: an expression that yields one and does nothing else."""
    return (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Yield) and is_refusal(statement.value.value)
    )


class Remover(ast.NodeTransformer):
    """Replaces one refusal by a yield that is never reached, so that the generator stays a generator."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.seen = -1

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if not is_refusing(node):
            return node
        self.seen += 1
        if self.seen != self.index:
            return node
        dead = ast.If(test=ast.Constant(value=False), body=[ast.Expr(ast.Yield(value=None))], orelse=[])
        return ast.fix_missing_locations(ast.copy_location(dead, node))


def without(source: str, index: int) -> ast.Module:
    """Return the module's tree without its refusal of that index."""
    tree: ast.Module = Remover(index).visit(ast.parse(source))
    return tree


def domain_files(root: Path = ROOT) -> Iterator[Path]:
    for package in sorted(root.glob("services/*/*_service")):
        yield from sorted(
            path for path in package.rglob("*.py") if path.relative_to(package).parts[0].startswith("domain")
        )


def refusals_in(path: Path, root: Path = ROOT) -> list[Refusal]:
    """Return the refusals of one module, in the order in which `Remover` meets them."""
    package = next(p for p in path.parents if p.name.endswith("_service"))
    parts = path.relative_to(package.parent).with_suffix("").parts
    module = ".".join(part for part in parts if part != "__init__")
    found: list[Refusal] = []

    def walk(node: ast.AST, condition: int | None) -> None:
        if isinstance(node, (ast.If, ast.For, ast.Match)):
            condition = node.lineno
        if is_refusing(node):
            assert isinstance(node, ast.Expr)
            assert isinstance(node.value, ast.Yield)
            assert isinstance(node.value.value, ast.Call)
            arguments = [*node.value.value.args, *(k.value for k in node.value.value.keywords if k.arg == "code")]
            code = (
                ast.literal_eval(arguments[0]) if isinstance(arguments[0], ast.Constant) else ast.unparse(arguments[0])
            )
            last = node.end_lineno or node.lineno
            found.append(Refusal(path, module, len(found), code, condition or node.lineno, node.lineno, last))
        for child in ast.iter_child_nodes(node):
            walk(child, condition)

    walk(ast.parse(path.read_text()), None)
    return found


def refusals(root: Path = ROOT) -> list[Refusal]:
    """Return every refusal of every domain."""
    return [refusal for path in domain_files(root) for refusal in refusals_in(path, root)]


def written_refusals(root: Path = ROOT) -> int:
    """Count every `Unmet(...)` and `Forbidden(...)` written in a domain, wherever it stands."""
    return sum(is_refusal(node) for path in domain_files(root) for node in ast.walk(ast.parse(path.read_text())))


def changed_lines(base: str) -> dict[Path, set[int]]:
    """Return the lines of today's files that differ from a revision."""
    command = ["git", "diff", "--unified=0", "--no-color", "--no-ext-diff", base, "--", "services"]
    diff = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    lines: dict[Path, set[int]] = {}
    path = ROOT
    for line in diff.splitlines():
        if line.startswith("+++ "):
            path = ROOT / line.removeprefix("+++ ").removeprefix("b/")
        elif hunk := re.match(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@", line):
            start, count = int(hunk[1]), int(hunk[2] or 1)
            # A pure deletion counts for the line that now follows it.
            lines.setdefault(path, set()).update(range(start, start + max(count, 1) + (count == 0)))
    return lines


def touched(found: Iterable[Refusal], lines: dict[Path, set[int]]) -> list[Refusal]:
    """Return the refusals that changed, or whose condition did."""
    return [r for r in found if lines.get(r.path, set()) & set(range(r.first_line, r.last_line + 1))]


class Mutant(MetaPathFinder, SourceFileLoader):
    """Imports one module without one of its refusals."""

    def __init__(self, refusal: Refusal) -> None:
        SourceFileLoader.__init__(self, refusal.module, str(refusal.path))
        self.refusal = refusal

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if fullname != self.refusal.module:
            return None
        return spec_from_file_location(fullname, self.refusal.path, loader=self)

    def get_code(self, fullname: str) -> CodeType:
        tree = without(self.refusal.path.read_text(), self.refusal.index)
        return compile(tree, str(self.refusal.path), "exec", dont_inherit=True)


@dataclass(frozen=True)
class Trial:
    """One run of some test files, with one refusal removed or none."""

    service: str
    refusal: Refusal | None
    files: tuple[str, ...]
    then: tuple[str, ...] = ()  # To be run when these stay green.


def start(trial: Trial, log: Path) -> int:
    """Run a trial in a process of its own and return its id."""
    pid = os.fork()
    if pid:
        return pid
    import pytest  # noqa: PLC0415 (imported long ago by `main`; named here only)

    code = 70
    try:
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S_MAX, CPU_S_MAX))
        if trial.refusal:
            sys.meta_path.insert(0, Mutant(trial.refusal))
        code = int(pytest.main([*PYTEST, *trial.files]))
    finally:
        os._exit(code)


def trials(service: str, found: Iterable[Refusal]) -> Iterator[Trial]:
    """Yield first the healthy domain, then each mutant, the tests that name its code first and state machines last."""
    texts = {path: path.read_text() for path in sorted((ROOT / "tests" / "unit" / service).rglob("test_*.py"))}
    yield Trial(service, None, tuple(map(str, texts)) or NO_TESTS)
    for refusal in found:
        first = [
            str(p) for p, text in texts.items() if f'"{refusal.code}"' in text and "RuleBasedStateMachine" not in text
        ]
        rest = sorted((p for p in texts if str(p) not in first), key=lambda p: "RuleBasedStateMachine" in texts[p])
        groups = [tuple(first), tuple(map(str, rest))]
        yield Trial(service, refusal, *([group for group in groups if group] or [NO_TESTS]))


def judge(trial: Trial, status: int, log: Path) -> Trial | str | None:
    """Return the trial that must follow, or what is wrong, or nothing when the mutant is dead."""
    killed_by_limit = os.WIFSIGNALED(status)
    code = -1 if killed_by_limit else os.waitstatus_to_exitcode(status)
    if trial.refusal is None:
        return None if code == GREEN else f"{trial.service}: red or empty without any mutant\n{log.read_text()[-3000:]}"
    if code == RED or killed_by_limit:
        return None
    if code not in (GREEN, NOTHING_COLLECTED):
        return f"{trial.refusal}: the tests could not be run (exit {code})\n{log.read_text()[-3000:]}"
    if trial.then:
        return Trial(trial.service, trial.refusal, trial.then)
    return f"survived: {trial.refusal}"


def run(queue: list[Trial], processes: int, folder: Path) -> list[str]:
    """Run all trials, so many at a time, and return what is wrong."""
    running: dict[int, tuple[Trial, Path]] = {}
    wrong: list[str] = []
    number = 0
    while queue or running:
        while queue and len(running) < processes:
            trial, number = queue.pop(0), number + 1
            log = folder / f"{number}.log"
            running[start(trial, log)] = (trial, log)
        pid, status = os.wait()
        trial, log = running.pop(pid)
        verdict = judge(trial, status, log)
        log.unlink(missing_ok=True)
        if isinstance(verdict, Trial):
            queue.insert(0, verdict)
        elif verdict:
            wrong.append(verdict)
            print(verdict, flush=True)
    return wrong


def preload() -> None:
    """Import what every trial needs but no service package, so that each process starts with it."""
    import fourgates.chassis.testing  # noqa: F401, PLC0415
    import hypothesis.stateful  # noqa: F401, PLC0415
    import pytest  # noqa: F401, PLC0415
    from hypothesis import Phase, settings  # noqa: PLC0415

    quick = {"deadline": None, "database": None, "derandomize": True, "phases": (Phase.explicit, Phase.generate)}
    settings.register_profile("mutants", max_examples=30, **quick)
    assert not [name for name in sys.modules if name.partition(".")[0].endswith("_service")]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--changed", metavar="BASE", help="only refusals that differ from this revision")
    parser.add_argument("--service", help="only refusals of this service")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args(arguments)
    os.chdir(ROOT)
    everything = refusals()
    assert len(everything) == written_refusals(), "a refusal is written that is not a yield statement of its own"
    chosen = touched(everything, changed_lines(options.changed)) if options.changed else everything
    chosen = [r for r in chosen if options.service in (None, r.service)]
    print(f"{len(everything)} refusals in the domains, {len(chosen)} of them chosen, {len(chosen)} mutants", flush=True)
    preload()
    began = time.monotonic()
    services = sorted({r.service for r in chosen})
    queue = [t for service in services for t in trials(service, [r for r in chosen if r.service == service])]
    assert sum(trial.refusal is not None for trial in queue) == len(chosen)
    with tempfile.TemporaryDirectory() as folder:
        wrong = run(queue, options.processes, Path(folder))
    for service in services:
        count = sum(r.service == service for r in chosen)
        bad = sum(f"/{service}_service/" in w.partition("\n")[0] for w in wrong)
        print(f"{service}: {count - bad} of {count} mutants killed")
    print(f"{len(wrong)} findings in {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
