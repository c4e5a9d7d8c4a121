"""Links that add Purser to a host when they are opened; the host asks before it does."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any
from urllib.parse import quote

from server.mcp_hosts.table import hosts

NAME = "purser"
# A link is the same for everybody, so it can name no path: the package is run by its name.
COMMAND = ("uvx", "--from", "purser-mcp", "purser", "serve")


def _entry(host: str) -> dict[str, Any]:
    return hosts()[host].filled(name=NAME, command=COMMAND[0], args=[*COMMAND[1:]], env={})


def cursor_link() -> str:
    """Return the link for Cursor (https://cursor.com/docs/mcp/install-links)."""
    return f"cursor://anysphere.cursor-deeplink/mcp/install?{_cursor_query()}"


def cursor_web_link() -> str:
    """Return a page of Cursor's that opens the link, for places that allow https alone."""
    return f"https://cursor.com/en/install-mcp?{_cursor_query()}"


def vscode_link() -> str:
    """Return the link for VS Code (https://code.visualstudio.com/api/extension-guides/ai/mcp)."""
    config = {"name": NAME, **_entry("vscode")}
    return f"vscode:mcp/install?{quote(_compact(config), safe='')}"


def vscode_web_link() -> str:
    """Return a page of VS Code's that opens the link, for places that allow https alone."""
    return f"https://insiders.vscode.dev/redirect?url={quote(vscode_link(), safe='')}"


def _cursor_query() -> str:
    config = b64encode(_compact(_entry("cursor")).encode()).decode()
    return f"name={NAME}&config={quote(config, safe='')}"


def _compact(data: dict[str, Any]) -> str:
    return json.dumps(data, separators=(",", ":"))
