"""Break one rule at a time, on purpose, and see that the tests notice.

    uv run python tests/mutants.py [--list] [--only NAME ...] [--rule RULE] [--jobs N]
                                     [--json] [--no-baseline]

A mutant is a row of `tests/mutations/*.toml`: one text of one file, what to put in its place, and
the tests that must fail then. Each runs on a copy of the tree, with the same interpreter; before
that, all those tests must pass on a copy that nothing was done to. The exit code is 1 when a mutant
survived or could not be judged.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from functools import cache
from multiprocessing import get_all_start_methods, get_context
from pathlib import Path
from typing import Any, Literal

ROOT = Path(__file__).resolve().parent.parent
TABLES = Path(__file__).resolve().parent / "mutations"
RULES = (
    *(str(number) for number in range(1, 11)),
    "guard",
    "approvals",
    "seal",
    "channels",
    "hosts",
    "directories",
    "many",
)
LONGEST_RUN_S = 300
LONGEST_BASELINE_S = 1800
# What is loaded before pytest starts keeps its plain asserts; no test looks at those.
LOADED_BEFORE = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
PYTEST = ("-q", "--no-header", "-p", "no:cacheprovider", *LOADED_BEFORE)
PRELOADED = (
    *("pytest", "_pytest.assertion.rewrite", "hypothesis", "anyio.to_thread"),
    *("pydantic", "httpx", "httpcore", "web3", "eth_account", "eth_keys", "eth", "coincurve"),
    *("fastapi", "uvicorn", "x402", "x402.mechanisms.evm.exact", "mcp", "trafilatura", "keyring"),
)

# A fixture that looks at the books when a test is over may be what notices: an ERROR of that test.
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+::\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One way to break a rule: `old` stands in `file` exactly once and becomes `new`.

    `breaks` says in a few words what goes wrong; `tests` are pytest ids, of which one must fail.
    """

    name: str
    rule: str
    breaks: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a mutant: `by` is the first test that failed, or why it was not judged."""

    name: str
    rule: str
    outcome: Literal["caught", "survived", "broken"]
    by: str
    seconds: int


def load_mutants(tables: Path = TABLES) -> list[Mutant]:
    """Read every table, in the order of the files.

    Raises:
        TypeError, KeyError: a row has a field too many or too few.
    """
    found: list[Mutant] = []
    for path in sorted(tables.glob("*.toml")):
        table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        for row in table["mutant"]:
            tests = tuple(row.pop("tests", table.get("tests", ())))
            found.append(Mutant(**{"rule": table["rule"], **row}, tests=tests))
    return found


def faults(mutant: Mutant, root: Path) -> list[str]:
    """Say why a mutant cannot be judged in this tree: its text is gone, or a test is."""
    found: list[str] = []
    source = (root / mutant.file).read_text(encoding="utf-8")
    count = source.count(mutant.old)
    if count != 1:
        found.append(f"its text stands {count} times in {mutant.file}")
    elif mutant.file.endswith(".py"):
        try:
            ast.parse(source.replace(mutant.old, mutant.new))
        except SyntaxError as error:
            found.append(f"what it makes of {mutant.file} is not Python: {error}")
    if mutant.old == mutant.new:
        found.append("it changes nothing")
    if mutant.rule not in RULES:
        found.append(f"{mutant.rule} is not a rule")
    if not mutant.tests:
        found.append("it names no test")
    return found + [f"there is no {test}" for test in mutant.tests if not _exists(test, root)]


def _exists(test: str, root: Path) -> bool:
    name, _, function = test.partition("::")
    path = root / name
    if not function or not path.is_file():
        return path.is_file()
    return function.partition("[")[0] in _functions(path)


@cache
def _functions(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    defined = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, defined))


def copy_tree(root: Path, target: Path) -> None:
    """Copy what git tracks, or would track, and compile it so that a changed file is noticed."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others"]
    listed = subprocess.run([*command, "--exclude-standard"], capture_output=True, check=True)
    for name in listed.stdout.decode().split("\0"):
        if name and (root / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, target / name)
    # By hash: within one second, time and size do not tell a mutant from what it was made of.
    compile_all = ["-m", "compileall", "-q", "--invalidation-mode", "checked-hash", str(target)]
    subprocess.run([sys.executable, *compile_all], check=True)


def run_tests(
    tree: Path, tests: Iterable[str], *options: str, longest_s: int = LONGEST_RUN_S
) -> tuple[int, str]:
    """Run tests in a copy of the tree; return pytest's exit code and what it said.

    Each run is a process forked from one that has loaded the libraries already, which takes half
    the time away; where nothing can be forked it is a process of its own.
    """
    command = [*PYTEST, *options, *tests]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        handed = (str(tree), command, str(log))
        if "forkserver" in get_all_start_methods():
            forking = get_context("forkserver")
            forking.set_forkserver_preload(list(PRELOADED))
            process = forking.Process(target=run_pytest, args=handed)
        else:
            process = get_context("spawn").Process(target=run_pytest, args=handed)
        process.start()
        process.join(longest_s)
        if process.exitcode is None:
            process.kill()
            process.join()
            return -1, f"no end after {longest_s} s"
        return process.exitcode, log.read_text(encoding="utf-8", errors="replace")


def run_pytest(tree: str, command: list[str], log: str) -> None:
    """Run pytest in this process, in a copy of the tree that comes first on every path.

    Raises:
        SystemExit: with pytest's exit code.
    """
    with open(log, "wb", buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.chdir(tree)
    here = {str(ROOT), str(ROOT / "tests")}
    sys.path[:] = [tree, *(path for path in sys.path if path not in here)]
    os.environ.update(PYTHONPATH=tree, PYTHONDONTWRITEBYTECODE="1")
    sys.dont_write_bytecode = True
    import pytest

    sys.exit(int(pytest.main(command)))


def judge(mutant: Mutant, tree: Path) -> Result:
    """Apply a mutant to a copy of the tree, run its tests, and put the text back."""
    started = time.monotonic()
    path = tree / mutant.file
    source = path.read_bytes()
    path.write_bytes(source.replace(mutant.old.encode(), mutant.new.encode()))
    try:
        code, said = run_tests(tree, mutant.tests, "-n0", "-x")
    finally:
        path.write_bytes(source)
    failed = _FAILED.search(said)
    outcome: Literal["caught", "survived", "broken"] = "broken"
    by = said[-2000:].strip()
    if code == 0:
        outcome, by = "survived", ""
    elif code == 1 and failed is not None:
        outcome, by = "caught", failed[1].partition("::")[2]
    return Result(mutant.name, mutant.rule, outcome, by, round(time.monotonic() - started))


def judge_all(
    mutants: Sequence[Mutant], root: Path, jobs: int, *, baseline: bool = True
) -> Iterable[Result]:
    """Judge mutants side by side, each job in a copy of its own; results come in order.

    With `baseline`, all the tests they name run first on an unchanged copy.

    Raises:
        SystemExit: the tests fail although nothing was changed.
    """
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        trees: queue.Queue[Path] = queue.Queue()
        for number in range(jobs):
            copy_tree(root, Path(folder) / str(number))
            trees.put(Path(folder) / str(number))
        if baseline:
            _must_pass(Path(folder) / "0", mutants, jobs)

        def judged(mutant: Mutant) -> Result:
            tree = trees.get()
            try:
                return judge(mutant, tree)
            finally:
                trees.put(tree)

        with ThreadPoolExecutor(jobs) as pool:
            yield from pool.map(judged, mutants)


def _must_pass(tree: Path, mutants: Sequence[Mutant], jobs: int) -> None:
    wanted = sorted({test for mutant in mutants for test in mutant.tests})
    code, said = run_tests(tree, wanted, f"-n{jobs}", longest_s=LONGEST_BASELINE_S)
    if code != 0:
        sys.exit(f"{said[-4000:]}\nThe tests fail although nothing was changed.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge the mutants that were asked for and print a table; 0 when each was caught."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--list", action="store_true", help="show the mutants and run none")
    parser.add_argument("--only", nargs="+", default=["*"], help="names, or patterns of names")
    parser.add_argument("--rule", choices=RULES, help="only those that break this rule")
    parser.add_argument("--jobs", type=int, default=2, help="how many run side by side")
    parser.add_argument("--no-baseline", action="store_true", help="take the tests to pass as is")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    chosen = parser.parse_args(arguments)
    mutants = [
        mutant
        for mutant in load_mutants()
        if any(fnmatch(mutant.name, pattern) for pattern in chosen.only)
        and chosen.rule in (None, mutant.rule)
    ]
    stale = [f"{one.name}: {fault}" for one in mutants for fault in faults(one, ROOT)]
    if stale or not mutants:
        sys.exit("\n".join(stale) or "there is no such mutant")
    if chosen.list:
        for one in mutants:
            print(f"{one.rule:>9}  {one.name:36} {one.breaks}")
        return 0
    results: list[Result] = []
    for result in judge_all(mutants, ROOT, chosen.jobs, baseline=not chosen.no_baseline):
        results.append(result)
        if not chosen.json:
            _show(result)
    if chosen.json:
        print(json.dumps([asdict(result) for result in results], indent=1))
    else:
        caught = sum(result.outcome == "caught" for result in results)
        print(f"{caught} of {len(results)} mutants were caught.")
    return int(any(result.outcome != "caught" for result in results))


def _show(result: Result) -> None:
    row = f"{result.rule:>9}  {result.name:36} {result.outcome:9} {result.seconds:>4} s"
    print(f"{row}  {result.by}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
