"""Ask through the host: what it declares, the question in MCP's words, and what its answer means.

MCP elicitation has two modes: a form that the host shows, and a URL that it opens. Up to
2025-11-25 the server sends a request while the call waits; from 2026-07-28 on the call ends with
the question, and the host makes it again with the answer (`InputRequiredResult`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from mcp_types import (
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitRequestURLParams,
    ElicitResult,
    InputRequiredResult,
)
from mcp_types.version import is_version_at_least

if TYPE_CHECKING:
    from mcp.server.mcpserver import Context

MODERN = "2026-07-28"
URL_MODE_SINCE = "2025-11-25"
QUESTION = "approval"
FIELD = "answer"

# The careful answer comes first: some hosts choose the first one beforehand.
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        FIELD: {
            "type": "string",
            "title": "Your answer",
            "description": "approve pays once, on exactly these terms; deny pays nothing",
            "enum": ["deny", "approve"],
        }
    },
    "required": [FIELD],
}


class Answer(StrEnum):
    """What a host's answer to a question means; NONE is one that says nothing."""

    APPROVE = "approve"
    DENY = "deny"
    OPENED = "opened"
    NONE = "none"


def is_modern(context: Context[Any, Any]) -> bool:
    """Tell whether a question ends the call and comes back with its answer."""
    version = context.protocol_version
    return version is not None and is_version_at_least(version, MODERN)


def declares(context: Context[Any, Any], route: str) -> bool:
    """Tell whether this very request says that the host can ask by "form" or "url".

    An empty declaration means forms (MCP 2025-11-25, elicitation, capabilities).
    """
    capabilities, version = context.client_capabilities, context.protocol_version
    modes = None if capabilities is None else capabilities.elicitation
    if modes is None or version is None:
        return False
    if route == "form":
        return modes.form is not None or modes.url is None
    return modes.url is not None and is_version_at_least(version, URL_MODE_SINCE)


def form_question(message: str, state: str) -> InputRequiredResult:
    """Return the end of a modern call that asks by a form."""
    params = ElicitRequestFormParams(message=message, requested_schema=SCHEMA)
    return InputRequiredResult(
        input_requests={QUESTION: ElicitRequest(params=params)}, request_state=state
    )


def url_question(message: str, url: str, state: str) -> InputRequiredResult:
    """Return the end of a modern call that asks by a page."""
    params = ElicitRequestURLParams(message=message, url=url)
    return InputRequiredResult(
        input_requests={QUESTION: ElicitRequest(params=params)}, request_state=state
    )


def answer_to_retry(context: Context[Any, Any], route: str) -> Answer:
    """Return what the retry of a modern call answers."""
    found = (context.input_responses or {}).get(QUESTION)
    return answer_of(found, route) if isinstance(found, ElicitResult) else Answer.NONE


def answer_of(result: ElicitResult, route: str) -> Answer:
    """Return what an answer means: declining and cancelling deny, and only `approve` approves.

    An accepted form without a valid choice is no answer at all.
    """
    if result.action != "accept":
        return Answer.DENY
    if route == "url":
        return Answer.OPENED
    chosen = (result.content or {}).get(FIELD)
    return {"approve": Answer.APPROVE, "deny": Answer.DENY}.get(str(chosen), Answer.NONE)
