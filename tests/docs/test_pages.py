"""The pages hold together: links lead somewhere, names exist, and nothing is left out."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from pathlib import Path

import pytest

from server.cli import COMMANDS, build_parser
from server.registry import ENTRIES
from server.settings_models import SECTIONS, NetworkSettings
from wallet.errors import ErrorKind
from wallet.keystore import PASSPHRASE_VARIABLE

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md"))
}
DOCS = "\n".join(PAGES.values())
EXAMPLE = ROOT / "claude_desktop_config.example.json"

# Written in pieces, so that this file does not hold what it looks for.
NOT_OF_THE_PROJECT = re.compile(
    r"\b(?:design" + r"\.md|br" + r"iefs?|sub-?agents?|help" + r"ers?)\b"
)


def anchors(text: str) -> set[str]:
    """Return the anchors GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


def fences(text: str, language: str) -> list[str]:
    """Return the fenced blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.S)


@pytest.mark.parametrize("name", PAGES)
def test_every_internal_link_leads_somewhere(name: str) -> None:
    lost: list[str] = []
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[name]):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        file = (ROOT / name).parent / path if path else ROOT / name
        found = file.exists()
        if found and anchor:
            found = anchor in anchors(file.read_text(encoding="utf-8"))
        if not found:
            lost.append(target)
    assert lost == []


@pytest.mark.parametrize("name", [name for name in PAGES if name.startswith("docs/")])
def test_every_page_is_linked_from_another(name: str) -> None:
    others = "\n".join(text for other, text in PAGES.items() if other != name)
    assert re.search(rf"\]\((?:docs/)?{re.escape(Path(name).name)}[)#]", others)


@pytest.mark.parametrize("kind", ErrorKind)
def test_every_error_code_is_documented(kind: ErrorKind) -> None:
    assert f"| `{kind.value.code}` |" in PAGES["docs/errors.md"]


@pytest.mark.parametrize("name", [entry.function.__name__ for entry in ENTRIES])
def test_every_tool_is_documented(name: str) -> None:
    assert f"## `{name}`" in PAGES["docs/tools.md"]
    assert f"| `{name}` |" in PAGES["README.md"]


@pytest.mark.parametrize(("section", "model"), {**SECTIONS, "network": NetworkSettings}.items())
def test_every_setting_is_documented(section: str, model: type[NetworkSettings]) -> None:
    page = PAGES["docs/settings.md"].partition(f"## `[{section}")[2].partition("\n## ")[0]
    for field in model.model_fields:
        assert f"| `{field}` |" in page
        if section in ("budget", "hosts", "wallet"):
            assert f"| `{section}.{field}` |" in PAGES["README.md"]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented(name: str) -> None:
    assert f"## purser {name}\n" in PAGES["docs/commands.md"]


def test_every_command_that_is_shown_exists() -> None:
    shown = [*fences(DOCS, "sh"), *re.findall(r"`[^`\n]+`", DOCS)]
    called = set(re.findall(r"\bpurser (?!purser)([a-z]+)", "\n".join(shown)))
    assert {"serve", "demo", "init"} <= called <= set(COMMANDS)


def functions(file: Path) -> set[str]:
    source = file.read_text(encoding="utf-8") if file.is_file() else ""
    defined = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(ast.parse(source)) if isinstance(node, defined)}


def test_every_test_that_is_named_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", DOCS)
    assert len(named) >= 100
    exist = {path: functions(ROOT / path) for path, _ in named}
    assert [f"{path}::{test}" for path, test in named if test not in exist[path]] == []


def test_every_rule_about_money_names_its_code_and_its_tests() -> None:
    rules = re.split(r"^### \d+\. ", PAGES["docs/how-it-works.md"], flags=re.M)[1:]
    assert len(rules) == 10
    for rule in rules:
        assert re.search(r"`tests/[\w/]+\.py::test_\w+`", rule)
    limits = PAGES["README.md"].partition("## Limits")[2].partition("\n## ")[0]
    assert [int(number) for number in re.findall(r"^(\d+)\. \*\*", limits, re.M)] == [*range(1, 11)]


MCP_METHODS = {"server/discover", "tools/list", "tools/call"}


@pytest.mark.parametrize("name", PAGES)
def test_every_file_that_is_named_exists(name: str) -> None:
    named = re.findall(
        r"`((?:server|tools|wallet|sandbox|tests|docs|benchmarks)/[\w./]+)`", PAGES[name]
    )
    files = set(named) - MCP_METHODS
    assert [path for path in files if not (ROOT / path).exists()] == []


def test_the_example_for_claude_desktop_is_the_readmes_and_starts_the_server() -> None:
    example = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    (shown,) = fences(PAGES["README.md"], "json")
    assert json.loads(shown) == example
    server = example["mcpServers"]["purser"]
    assert server["command"] == "/absolute/path/to/uv"
    assert server["args"][:3] == ["run", "--directory", "/absolute/path/to/purser"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert server["args"][3] in project["scripts"]
    assert build_parser("serve").parse_args(server["args"][4:]).command == "serve"
    assert list(server["env"]) == [PASSPHRASE_VARIABLE]


def test_the_pages_speak_of_the_project_only() -> None:
    found = {name: NOT_OF_THE_PROJECT.findall(text.lower()) for name, text in PAGES.items()}
    assert {name: words for name, words in found.items() if words} == {}
