"""The tools that the official conformance suite calls, for a server under test to have as well."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    CallToolResult,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    EmbeddedResource,
    ImageContent,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
    TextContent,
    TextResourceContents,
)

from server.strict import StrictArguments

Answer = Callable[[Context[Any, Any], dict[str, Any]], Awaitable[Any]]
BEAT_S = 0.05
"""The pause between notifications that the suite describes."""

TOOLS: dict[str, tuple[Answer, dict[str, Any]]] = {}


class FixtureTool(Tool):
    """A tool that hands a call to its function and returns the result as it is."""

    async def run(
        self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False
    ) -> Any:
        del convert_result
        result = await self.fn(context, arguments)
        return said(result) if isinstance(result, str) else result


def fixture_tools() -> list[FixtureTool]:
    """Return every tool of this module."""
    return [
        FixtureTool(
            fn=answer,
            name=name,
            title=None,
            description=f"A fixture of the conformance suite: {name}.",
            parameters={"type": "object", "properties": properties},
            fn_metadata=FuncMetadata(arg_model=StrictArguments),
            is_async=True,
            context_kwarg=None,
            annotations=None,
        )
        for name, (answer, properties) in TOOLS.items()
    ]


def fixture(name: str, **properties: Any) -> Callable[[Answer], Answer]:
    """Register a function as the tool of this name."""

    def register(answer: Answer) -> Answer:
        TOOLS[name] = (answer, properties)
        return answer

    return register


def said(text: str) -> CallToolResult:
    """Return a result of one text block."""
    return CallToolResult(content=[TextContent(type="text", text=text)])


def png() -> str:
    """Return one red pixel as base64 of a PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixel = zlib.compress(b"\x00\xff\x00\x00")
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + parts).decode()


def wav() -> str:
    """Return a hundredth of a second of silence as base64 of a WAV."""
    samples = bytes(160)
    form = struct.pack("<HHIIHH", 1, 1, 8_000, 16_000, 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data"
    body += struct.pack("<I", len(samples)) + samples
    return base64.b64encode(b"RIFF" + struct.pack("<I", len(body)) + body).decode()


def embedded(uri: str, mime_type: str, text: str) -> EmbeddedResource:
    """Return a text resource as a content block."""
    inner = TextResourceContents(uri=uri, mime_type=mime_type, text=text)
    return EmbeddedResource(type="resource", resource=inner)


@fixture("test_simple_text")
async def simple_text(_: Context[Any, Any], __: dict[str, Any]) -> str:
    return "This is a simple text response for testing."


@fixture("test_image_content")
async def image_content(_: Context[Any, Any], __: dict[str, Any]) -> CallToolResult:
    return CallToolResult(content=[ImageContent(type="image", data=png(), mime_type="image/png")])


@fixture("test_audio_content")
async def audio_content(_: Context[Any, Any], __: dict[str, Any]) -> CallToolResult:
    return CallToolResult(content=[AudioContent(type="audio", data=wav(), mime_type="audio/wav")])


@fixture("test_embedded_resource")
async def embedded_resource(_: Context[Any, Any], __: dict[str, Any]) -> CallToolResult:
    text = "This is an embedded resource content."
    return CallToolResult(content=[embedded("test://embedded-resource", "text/plain", text)])


@fixture("test_multiple_content_types")
async def multiple_content_types(_: Context[Any, Any], __: dict[str, Any]) -> CallToolResult:
    uri, text = "test://mixed-content-resource", '{"test":"data","value":123}'
    return CallToolResult(
        content=[
            TextContent(type="text", text="Multiple content types test:"),
            ImageContent(type="image", data=png(), mime_type="image/png"),
            embedded(uri, "application/json", text),
        ]
    )


@fixture("test_error_handling")
async def error_handling(_: Context[Any, Any], __: dict[str, Any]) -> str:
    raise ToolError("This tool intentionally returns an error for testing")


@fixture("test_tool_with_progress")
async def tool_with_progress(context: Context[Any, Any], _: dict[str, Any]) -> str:
    for done in (0, 50, 100):
        await context.report_progress(done, 100)
        await anyio.sleep(BEAT_S)
    return "Done."


@fixture("test_tool_with_logging")
async def tool_with_logging(context: Context[Any, Any], _: dict[str, Any]) -> str:
    for text in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        log = context.session.send_log_message  # pyright: ignore[reportDeprecated]
        await log("info", text, related_request_id=context.request_id)
        await anyio.sleep(BEAT_S)
    return "Done."


@fixture("test_logging_tool")
async def logging_tool(context: Context[Any, Any], arguments: dict[str, Any]) -> str:
    return await tool_with_logging(context, arguments)


def ask_form(message: str, **properties: Any) -> ElicitRequest:
    """Return the request for a form whose fields are all required."""
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def ask_model(text: str, max_tokens: int) -> CreateMessageRequest:
    """Return the request for a message of the client's model."""
    message = SamplingMessage(role="user", content=TextContent(type="text", text=text))
    return CreateMessageRequest(
        params=CreateMessageRequestParams(messages=[message], max_tokens=max_tokens)
    )


async def elicited(context: Context[Any, Any], message: str, schema: dict[str, Any]) -> str:
    result = await context.session.elicit_form(message, schema, context.request_id)
    return f"action={result.action}, content={result.content}"


@fixture("test_sampling", prompt={"type": "string"})
async def sampling(context: Context[Any, Any], arguments: dict[str, Any]) -> str:
    request = ask_model(arguments["prompt"], 100).params
    create = context.session.create_message  # pyright: ignore[reportDeprecated]
    result = await create(request.messages, max_tokens=100, related_request_id=context.request_id)
    return f"LLM response: {getattr(result.content, 'text', '')}"


@fixture("test_elicitation", message={"type": "string"})
async def elicitation(context: Context[Any, Any], arguments: dict[str, Any]) -> str:
    fields = {
        "username": {"type": "string", "description": "User's response"},
        "email": {"type": "string", "description": "User's email address"},
    }
    schema = {"type": "object", "properties": fields, "required": list(fields)}
    return "User response: " + await elicited(context, arguments["message"], schema)


@fixture("test_elicitation_sep1034_defaults")
async def elicitation_defaults(context: Context[Any, Any], _: dict[str, Any]) -> str:
    states = ["active", "inactive", "pending"]
    fields = {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": states, "default": "active"},
        "verified": {"type": "boolean", "default": True},
    }
    schema = {"type": "object", "properties": fields}
    return "Elicitation completed: " + await elicited(context, "Check these", schema)


@fixture("test_elicitation_sep1330_enums")
async def elicitation_enums(context: Context[Any, Any], _: dict[str, Any]) -> str:
    plain = {"type": "string", "enum": ["option1", "option2", "option3"]}
    titled = [
        {"const": f"value{number}", "title": f"{name} Option"}
        for number, name in enumerate(("First", "Second", "Third"), 1)
    ]
    fields = {
        "untitledSingle": plain,
        "titledSingle": {"type": "string", "oneOf": titled},
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": {"type": "array", "items": plain},
        "titledMulti": {"type": "array", "items": {"anyOf": titled}},
    }
    schema = {"type": "object", "properties": fields}
    return "Elicitation completed: " + await elicited(context, "Choose", schema)


@fixture("test_missing_capability")
async def missing_capability(context: Context[Any, Any], _: dict[str, Any]) -> str:
    declared = context.session.client_capabilities
    if declared is None or declared.sampling is None:
        data: dict[str, Any] = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "sampling is required", data)
    return "Declared."


def form_answer(context: Context[Any, Any], key: str, field: str) -> str | None:
    """Return what was filled into a field of a form, if the answer is one."""
    given = (context.input_responses or {}).get(key)
    if isinstance(given, ElicitResult) and given.action == "accept":
        value = (given.content or {}).get(field)
        return value if isinstance(value, str) else None
    return None


def required(state: str | None = None, /, **requests: InputRequest) -> InputRequiredResult:
    """Return the result that asks for input."""
    return InputRequiredResult(input_requests=requests, request_state=state)


TEXT = {"type": "string"}


@fixture("test_input_required_result_elicitation")
async def input_elicitation(context: Context[Any, Any], _: dict[str, Any]) -> Any:
    name = form_answer(context, "user_name", "name")
    if name is None:
        return required(user_name=ask_form("What is your name?", name=TEXT))
    return f"Hello, {name}!"


@fixture("test_streaming_elicitation")
async def streaming_elicitation(context: Context[Any, Any], arguments: dict[str, Any]) -> Any:
    return await input_elicitation(context, arguments)


@fixture("test_input_required_result_sampling")
async def input_sampling(context: Context[Any, Any], _: dict[str, Any]) -> Any:
    given = (context.input_responses or {}).get("capital_question")
    if given is None:
        return required(capital_question=ask_model("What is the capital of France?", 100))
    return f"The model said: {getattr(getattr(given, 'content', None), 'text', given)}"


@fixture("test_input_required_result_list_roots")
async def input_list_roots(context: Context[Any, Any], _: dict[str, Any]) -> Any:
    given = (context.input_responses or {}).get("client_roots")
    if given is None:
        return required(client_roots=ListRootsRequest())
    return "Roots: " + ", ".join(str(root.uri) for root in getattr(given, "roots", []))


@fixture("test_input_required_result_request_state")
async def input_request_state(context: Context[Any, Any], _: dict[str, Any]) -> Any:
    if context.request_state != "asked":
        return required("asked", confirm=ask_form("Please confirm", ok={"type": "boolean"}))
    return "state-ok"


@fixture("test_input_required_result_tampered_state")
async def input_tampered_state(context: Context[Any, Any], arguments: dict[str, Any]) -> Any:
    return await input_request_state(context, arguments)


@fixture("test_input_required_result_multiple_inputs")
async def input_multiple(context: Context[Any, Any], _: dict[str, Any]) -> Any:
    wanted: dict[str, InputRequest] = {
        "user_name": ask_form("What is your name?", name=TEXT),
        "greeting": ask_model("Generate a greeting", 50),
        "client_roots": ListRootsRequest(),
    }
    if context.request_state != "asked" or wanted.keys() - (context.input_responses or {}).keys():
        return required("asked", **wanted)
    return "All three came."


@fixture("test_input_required_result_multi_round")
async def input_multi_round(context: Context[Any, Any], _: dict[str, Any]) -> Any:
    if context.request_state is None:
        return required("one", step1=ask_form("Step 1: What is your name?", name=TEXT))
    if context.request_state == "one":
        return required("two", step2=ask_form("Step 2: What is your favorite color?", color=TEXT))
    return f"Done: {form_answer(context, 'step2', 'color')}"


@fixture("test_input_required_result_capabilities")
async def input_capabilities(context: Context[Any, Any], _: dict[str, Any]) -> Any:
    declared = context.session.client_capabilities
    requests: dict[str, InputRequest] = {}
    if declared is not None and declared.sampling is not None:
        requests["words"] = ask_model("Say something", 50)
    if declared is not None and declared.elicitation is not None:
        requests["name"] = ask_form("What is your name?", name=TEXT)
    return required(**requests) if requests else "Nothing can be asked."
