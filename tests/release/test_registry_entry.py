"""The entry in the MCP registry: its form at 2025-12-11, and that it says what the package does."""

from __future__ import annotations

import json
import tomllib
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from server.cli import COMMANDS
from server.settings import NOT_SETTINGS, load_settings
from tests.release.published import ROOT, script

STORED = ROOT / "server.json"
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Repository(_Part):
    """Where the sources are."""

    url: str = Field(pattern=r"^https://github\.com/[\w.-]+/[\w.-]+$")
    source: Literal["github"]


class Transport(_Part):
    """How the server is spoken to."""

    type: Literal["stdio"]


class Positional(_Part):
    """A word behind the package's name."""

    type: Literal["positional"]
    value: str


class Variable(_Part):
    """A variable that a client may ask its user for."""

    name: str = Field(pattern=r"^[A-Z_]+$")
    description: str
    isRequired: bool = False
    isSecret: bool = False
    format: Literal["string", "number", "boolean", "filepath"] = "string"
    default: str | None = None


class Package(_Part):
    """Where the server can be had."""

    registryType: Literal["pypi"]
    identifier: str
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    runtimeHint: Literal["uvx"]
    transport: Transport
    packageArguments: list[Positional]
    environmentVariables: list[Variable]


class Entry(_Part):
    """A server.json, with the parts that Purser uses."""

    schema_: Annotated[
        Literal["https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"],
        Field(alias="$schema"),
    ]
    name: str = Field(pattern=r"^io\.github\.[a-zA-Z0-9-]+/[a-zA-Z0-9._-]+$", max_length=200)
    title: str = Field(min_length=1, max_length=100)
    description: str = Field(min_length=1, max_length=100)
    repository: Repository
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    packages: list[Package] = Field(min_length=1)


def test_the_stored_entry_is_the_generated_one() -> None:
    written = json.dumps(script("registry").entry(), indent=2) + "\n"
    assert STORED.read_text(encoding="utf-8") == written, "run: uv run python release/registry.py"


def test_the_entry_has_the_form_of_its_schema() -> None:
    entry = Entry.model_validate_json(STORED.read_bytes())
    (package,) = entry.packages
    assert entry.version == package.version == PROJECT["version"]
    assert package.identifier == PROJECT["name"]
    # `uvx NAME` runs the program of the package's own name.
    assert package.identifier in PROJECT["scripts"]
    assert package.packageArguments[0].value in COMMANDS
    assert entry.name.removeprefix("io.github.") in entry.repository.url


def test_its_variables_exist_and_secret_ones_are_marked(tmp_path: Any) -> None:
    entry = Entry.model_validate_json(STORED.read_bytes())
    variables = {one.name: one for one in entry.packages[0].environmentVariables}
    secret = {name for name, one in variables.items() if one.isSecret}
    assert secret == {"PURSER_PASSPHRASE"}
    settings = {name: one.default or "" for name, one in variables.items()}
    given = {name: value for name, value in settings.items() if name not in NOT_SETTINGS}
    assert load_settings(tmp_path, given).budget == load_settings(tmp_path, {}).budget


def test_the_readme_names_the_entry_so_that_the_registry_believes_it() -> None:
    entry = json.loads(STORED.read_bytes())
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"mcp-name: {entry['name']}\n" in readme.replace(" -->", "\n")


@pytest.mark.parametrize(
    "wrong", [{"version": "latest"}, {"description": "x" * 101}, {"packages": []}, {"extra": 1}]
)
def test_a_wrong_entry_is_noticed(wrong: dict[str, Any]) -> None:
    entry = json.loads(STORED.read_bytes())
    with pytest.raises(ValidationError):
        Entry.model_validate_json(json.dumps({**entry, **wrong}))
