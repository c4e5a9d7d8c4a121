"""What each host takes in its file, strictly, written after the host's documentation.

Each model is told apart from the others by what it refuses: a name that its host does not know.
The rest of a file is the user's, and is let through.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from ruamel.yaml import YAML

from server.mcp_hosts.table import Surroundings, config_file, hosts

Text = Annotated[str, Field(min_length=1)]
Variables = dict[str, str]


class Entry(BaseModel):
    """An entry of which every part is known."""

    model_config = ConfigDict(extra="forbid", strict=True)


class PlainEntry(Entry):
    """Claude Desktop: https://modelcontextprotocol.io/docs/develop/connect-local-servers."""

    command: Text
    args: list[str] = []
    env: Variables = {}


class ClaudeCodeEntry(PlainEntry):
    """Claude Code: https://code.claude.com/docs/en/mcp."""

    type: Literal["stdio"] = "stdio"
    timeout: int | None = None


class CursorEntry(PlainEntry):
    """Cursor, where the type is required: https://cursor.com/docs/mcp."""

    type: Literal["stdio"]
    envFile: str | None = None


class VsCodeEntry(CursorEntry):
    """VS Code: https://code.visualstudio.com/docs/agents/reference/mcp-configuration."""

    cwd: str | None = None
    dev: dict[str, Any] | None = None


class CodexEntry(PlainEntry):
    """Codex: https://developers.openai.com/codex/mcp."""

    env_vars: list[str] = []
    cwd: str | None = None
    startup_timeout_sec: int | None = Field(default=None, gt=0)
    tool_timeout_sec: int | None = Field(default=None, gt=0)
    enabled: bool = True
    enabled_tools: list[str] | None = None


class GeminiEntry(PlainEntry):
    """Gemini CLI, times in milliseconds: https://geminicli.com/docs/tools/mcp-server/."""

    cwd: str | None = None
    timeout: int | None = Field(default=None, gt=1000)
    trust: bool = False
    includeTools: list[str] | None = None
    excludeTools: list[str] | None = None


class GooseEntry(Entry):
    """Goose, times in seconds: https://block.github.io/goose/docs/guides/config-files."""

    type: Literal["stdio"]
    name: Text
    description: str
    enabled: Literal[True]
    cmd: Text
    args: list[str]
    envs: Variables = {}
    env_keys: list[str] = []
    timeout: int = Field(gt=0, le=3600)
    bundled: bool | None = None
    available_tools: list[str] = []


class WindsurfEntry(PlainEntry):
    """Windsurf: https://docs.windsurf.com/windsurf/cascade/mcp."""

    disabled: bool = False
    disabledTools: list[str] = []


class Starts(BaseModel):
    """What a host runs."""

    command: str
    args: list[str]
    env: Variables


def _yaml(text: str) -> Any:
    reader: Any = YAML(typ="safe", pure=True)
    return reader.load(text)


# By the name that `purser install` takes: how the host reads its file, and what it calls the table.
READERS: dict[str, tuple[Callable[[str], Any], str, type[Entry]]] = {
    "claude-desktop": (json.loads, "mcpServers", PlainEntry),
    "claude-code": (json.loads, "mcpServers", ClaudeCodeEntry),
    "cursor": (json.loads, "mcpServers", CursorEntry),
    "vscode": (json.loads, "servers", VsCodeEntry),
    "codex": (tomllib.loads, "mcp_servers", CodexEntry),
    "gemini": (json.loads, "mcpServers", GeminiEntry),
    "goose": (_yaml, "extensions", GooseEntry),
    "windsurf": (json.loads, "mcpServers", WindsurfEntry),
}


def file_of(host: str) -> Path:
    """Return where a host's file is for the person at hand."""
    return config_file(hosts()[host], "user", Surroundings.of_this_process())


def read_as_host(host: str, text: str, name: str = "purser") -> Starts:
    """Read a server from a host's file as that host would, and return what it runs."""
    load, table, model = READERS[host]
    entry = model.model_validate(load(text)[table][name])
    if isinstance(entry, GooseEntry):
        return Starts(command=entry.cmd, args=entry.args, env=entry.envs)
    assert isinstance(entry, PlainEntry)
    return Starts(command=entry.command, args=entry.args, env=entry.env)
