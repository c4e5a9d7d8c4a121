"""Serve the product's server on loopback for the conformance suite: `fixture_server.py [--plain]`.

Without `--plain` it also has the tools, resources and prompts that the suite's scenarios call.
Prints its URL, and ends when standard input does.
"""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import sys
import warnings
from typing import Any

import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.prompts.base import Message, UserMessage
from mcp.server.mcpserver.resources import FunctionResource
from mcp.shared.exceptions import MCPDeprecationWarning
from mcp_types import (
    CallToolResult,
    EmptyResult,
    ImageContent,
    InputRequiredResult,
    SetLevelRequestParams,
)
from mcp_types import Tool as ToolEntry

from server.app import product_server
from server.settings import load_settings
from tests.conformance.fixture_tools import (
    TEXT,
    ask_form,
    embedded,
    fixture_tools,
    form_answer,
    png,
    required,
)

HOST = "127.0.0.1"


def add_fixtures(server: MCPServer[Any]) -> None:
    """Add what the suite's scenarios call beside the product's own."""
    _add_tools(server)
    _add_resources(server)
    _add_prompts(server)

    async def set_level(_: Any, __: SetLevelRequestParams) -> EmptyResult:
        return EmptyResult()

    # Purser sends no log messages to hosts, so that only the fixtures have a level to set.
    low = server._lowlevel_server  # pyright: ignore[reportPrivateUsage]
    low.add_request_handler("logging/setLevel", SetLevelRequestParams, set_level)


def _add_tools(server: MCPServer[Any]) -> None:
    """List the fixtures after the product's tools, and let a call of any other name pass."""
    tools = {tool.name: tool for tool in fixture_tools()}
    list_own, call_own = server.list_tools, server.call_tool

    async def list_tools() -> list[ToolEntry]:
        entries = [
            ToolEntry(name=one.name, description=one.description, input_schema=one.parameters)
            for one in tools.values()
        ]
        return [*await list_own(), *entries]

    async def call_tool(
        name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        if name in tools and context is not None:
            return await tools[name].run(arguments, context)
        return await call_own(name, arguments, context)

    server.list_tools, server.call_tool = list_tools, call_tool


def _add_resources(server: MCPServer[Any]) -> None:
    def text() -> str:
        return "This is the content of the static text resource."

    def binary() -> bytes:
        return base64.b64decode(png())

    for uri, mime_type, function in (
        ("test://static-text", "text/plain", text),
        ("test://static-binary", "image/png", binary),
        ("test://watched-resource", "text/plain", text),
    ):
        server.add_resource(
            FunctionResource.from_function(function, uri=uri, name=uri, mime_type=mime_type)
        )

    @server.resource("test://template/{id}/data", mime_type="application/json")
    def templated(id: str) -> str:  # noqa: A002 -- the template's variable
        return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})

    del templated


def _add_prompts(server: MCPServer[Any]) -> None:
    @server.prompt(description="One message.")
    def test_simple_prompt() -> str:
        return "This is a simple prompt for testing."

    @server.prompt(description="One message with both arguments.")
    def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.prompt(description="A resource and a message.")
    def test_prompt_with_embedded_resource(resourceUri: str) -> list[Message]:
        text = "Embedded resource content for testing."
        return [
            UserMessage(embedded(resourceUri, "text/plain", text)),
            UserMessage("Please process the embedded resource above."),
        ]

    @server.prompt(description="An image and a message.")
    def test_prompt_with_image() -> list[Message]:
        image = ImageContent(type="image", data=png(), mime_type="image/png")
        return [UserMessage(image), UserMessage("Please analyze the image above.")]

    @server.prompt(description="Asks for a context first.")
    def test_input_required_result_prompt(ctx: Context[Any, Any]) -> Any:
        given = form_answer(ctx, "user_context", "context")
        if given is None:
            question = ask_form("What context should the prompt use?", context=TEXT)
            return required(user_context=question)
        return f"The context is {given}."

    del test_simple_prompt, test_prompt_with_arguments, test_prompt_with_embedded_resource
    del test_prompt_with_image, test_input_required_result_prompt


async def serve(*, plain: bool) -> None:
    """Serve until standard input ends."""
    server = product_server(load_settings())
    if not plain:
        add_fixtures(server)
    listening = socket.create_server((HOST, 0))
    config = uvicorn.Config(server.streamable_http_app(host=HOST), log_level="warning")
    serving = uvicorn.Server(config)
    sys.stdout.write(f"http://{HOST}:{listening.getsockname()[1]}/mcp\n")
    sys.stdout.flush()

    async def end_with_input() -> None:
        await asyncio.to_thread(sys.stdin.read)
        serving.should_exit = True

    ending = asyncio.create_task(end_with_input())
    await serving.serve(sockets=[listening])
    await ending


if __name__ == "__main__":
    warnings.simplefilter("ignore", MCPDeprecationWarning)
    asyncio.run(serve(plain="--plain" in sys.argv))
