"""Every file keeps the house rules: sizes, docstrings, names, no floats near money, no leaks."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("server", "tools", "wallet", "sandbox", "purser_mcp")
FOLDERS = (*PACKAGES, "tests", "benchmarks", "release")
MODULE_LINES = 400
FUNCTION_LINES = 70
COLUMNS = 100
SIBLINGS = frozenset({"tools", "wallet", "sandbox"})

PY_FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*.py")
)

# Written in pieces, so that this file does not hold what it looks for.
MACHINE_PATH = re.compile(r"(?<![\w.\-])/(?:" + "work|root" + r")/|(?<![\w.\-])/ho" + r"me/\w")
REGISTRY_URL = re.compile(
    r"(?:registry|index(?:[-_]url)?)\s*[=:]\s*[\"']?https?://([^/\s\"']+)"
    r"|https?://([^/\s\"']+)/[^\s\"']*(?:simple|artifactory|nexus)(?=[/\s\"']|$)",
    re.IGNORECASE,
)
LOCKED_URL = re.compile(r"https?://([^/\s\"']+)")
REGISTRIES = frozenset(
    {"pypi.org", "files.pythonhosted.org", "registry.npmjs.org", "www.npmjs.com"}
)


def long_functions(source: str) -> Iterator[str]:
    """Yield each function longer than allowed; decorators do not count."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{node.name} has {lines} lines"


def _seconds(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield every value whose name says that it is a time in seconds."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                named = [(name, value)]
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                named = [(name, value)]
            case ast.keyword(arg=str(name), value=value):
                named = [(name, value)]
            case ast.arguments(
                args=args, defaults=defaults, kwonlyargs=kw, kw_defaults=kw_defaults
            ):
                late = args[len(args) - len(defaults) :]
                pairs = [*zip(late, defaults, strict=True), *zip(kw, kw_defaults, strict=True)]
                named = [(arg.arg, value) for arg, value in pairs if value is not None]
            case _:
                continue
        for name, value in named:
            if name.lower().endswith(("_s", "timeout")):
                yield from ast.walk(value)


def floats(source: str) -> Iterator[str]:
    """Yield each float literal and `float(...)`; a literal in a name of seconds is allowed."""
    tree = ast.parse(source)
    times = set(_seconds(tree))
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=float(value)) if node not in times:
                yield f"line {node.lineno}: {value}"
            case ast.Call(func=ast.Name(id="float")):
                yield f"line {node.lineno}: float(...)"
            case _:
                pass


def leaks(name: str, text: str) -> Iterator[str]:
    """Yield each absolute path of some machine and each package registry that is not public."""
    for number, line in enumerate(text.splitlines(), 1):
        if MACHINE_PATH.search(line):
            yield f"{name}:{number}: a path of one machine"
        pattern = LOCKED_URL if name == "uv.lock" else REGISTRY_URL
        for match in pattern.finditer(line):
            host = next(group for group in match.groups() if group)
            if host.lower() not in REGISTRIES:
                yield f"{name}:{number}: a registry at {host}"


def _tracked() -> list[str]:
    command = ["git", "-C", str(ROOT), "ls-files", "-z"]
    listed = subprocess.run(command, capture_output=True, check=False)
    if listed.returncode != 0:
        return PY_FILES
    return [name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("name", PY_FILES)
def test_a_module_is_short_documented_and_narrow(name: str) -> None:
    source = (ROOT / name).read_text(encoding="utf-8")
    lines = source.splitlines()
    assert len(lines) <= MODULE_LINES
    assert [number for number, line in enumerate(lines, 1) if len(line) > COLUMNS] == []
    assert list(long_functions(source)) == []
    assert ast.get_docstring(ast.parse(source)), "the module has no docstring"


@pytest.mark.parametrize("name", [name for name in PY_FILES if name.startswith("wallet/")])
def test_the_wallet_holds_no_float(name: str) -> None:
    assert list(floats((ROOT / name).read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_of_a_package_is_named_like_the_standard_library_or_a_sibling(
    package: str,
) -> None:
    stems = {path.stem for path in (ROOT / package).glob("*.py")} - {"__init__", "__main__"}
    assert stems & sys.stdlib_module_names == set()
    if package == "server":
        assert stems & SIBLINGS == set()


def test_no_public_file_names_a_machine_or_a_private_registry() -> None:
    found: list[str] = []
    for name in _tracked():
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if name != "tests/test_tidy.py":  # its examples are leaks on purpose
            found += leaks(name, text)
    assert found == []


def test_the_lock_file_names_its_registry() -> None:
    assert 'registry = "https://pypi.org/simple"' in (ROOT / "uv.lock").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "source",
    [
        "x = 0.1",
        "x = float('1')",
        "f(rate=1e3)",
        "def f(a, b=0.5): ...",
        "price = -0.5",
        "a_s = float(b)",
    ],
)
def test_a_float_is_noticed(source: str) -> None:
    assert list(floats(source))


@pytest.mark.parametrize(
    "source",
    [
        "TIMEOUT_S = 0.5",
        "f(timeout=1.5)",
        "def f(a, *, wait_s: float = 2.5): ...",
        "WAITS_S = (0.1, 0.2)",
    ],
)
def test_a_time_in_seconds_may_have_a_fraction(source: str) -> None:
    assert list(floats(source)) == []


def test_a_function_is_measured_without_its_decorators() -> None:
    body = "\n    pass" * (FUNCTION_LINES - 1)
    assert list(long_functions(f"@a\n@b\ndef f():{body}")) == []
    assert list(long_functions(f"def f():{body}\n    pass"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.md", "see /work/main"),
        ("a.py", "open('/root/x')"),
        ("a.toml", 'path = "/home/someone"'),
        ("uv.lock", 'registry = "https://proxy.example/simple"'),
        ("uv.lock", '{ url = "https://cdn.example/x.whl" }'),
        ("pyproject.toml", 'url = "https://proxy.example/pypi/simple"'),
        (".npmrc", "registry=https://npm.example/"),
        ("justfile", "pip --index-url=https://proxy.example/root"),
    ],
)
def test_a_leak_is_noticed(name: str, text: str) -> None:
    assert list(leaks(name, text))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.md", "https://example.com/work/shop and ./work/x"),
        ("uv.lock", 'registry = "https://pypi.org/simple"'),
        ("uv.lock", 'url = "https://files.pythonhosted.org/packages/x.whl"'),
        ("a.md", "index: https://www.npmjs.com/package/x"),
    ],
)
def test_an_innocent_line_is_left_alone(name: str, text: str) -> None:
    assert list(leaks(name, text)) == []
