"""The view of `check_balance` for hosts that render MCP Apps (SEP-1865, 2026-01-26).

A host that knows the extension reads `ui://purser/budget`, shows it in a frame of its own, and
hands it each result of the tool. The page holds everything that it needs, asks no other origin for
anything, and writes what it is given as text alone. Every other host sees the tool's text.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from mcp.server.extension import Extension, ResourceBinding
from mcp.server.mcpserver.resources import FunctionResource

BUDGET_URI = "ui://purser/budget"
MIME_TYPE = "text/html;profile=mcp-app"
TOOL = "check_balance"


class BudgetView(Extension):
    """Announces the extension, and has the view read only when a host asks for it.

    The SDK's own `Apps` does the same and takes milliseconds of the start to import.
    """

    identifier = "io.modelcontextprotocol/ui"

    def resources(self) -> Sequence[ResourceBinding]:
        """Return the view; it may connect to nothing and load nothing."""
        view = FunctionResource.from_function(
            budget_page,
            BUDGET_URI,
            name="budget",
            title="Budget",
            description="What is left of each limit, for hosts that show views of tools.",
            mime_type=MIME_TYPE,
            meta={"ui": {"csp": {"connectDomains": [], "resourceDomains": []}}},
        )
        return (ResourceBinding(resource=view),)


def view_of(tool: str) -> dict[str, Any] | None:
    """Return the `_meta` of a tool's entry in the list: which view shows its results."""
    return {"ui": {"resourceUri": BUDGET_URI}} if tool == TOOL else None


def budget_page() -> str:
    """Return the view as a whole HTML document."""
    return files("server.budget_view").joinpath("budget.html").read_text(encoding="utf-8")
