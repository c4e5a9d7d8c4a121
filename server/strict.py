"""Tools whose arguments are checked to the letter, in both protocol eras.

The SDK drops arguments it does not know, so a misspelt price limit would go unnoticed. A tool
here refuses them, says so in words of its own, and never repeats a value.
"""

from __future__ import annotations

import difflib
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp_types import CallToolResult, ToolAnnotations
from pydantic import ConfigDict, Field, ValidationError, create_model
from pydantic_core import ErrorDetails

from server.rendering import answer_result, clip, error_result, internal_error
from server.stderr_log import describe_exception
from tools.answer import ToolAnswer
from wallet.errors import ErrorKind, PurserError
from wallet.ledger.base import LedgerUnavailableError

ToolFunction = Callable[..., Awaitable[ToolAnswer]]

_NOT_TOLD = frozenset(
    {"title", "minLength", "maxLength", "minimum", "minItems", "additionalProperties"}
)
_BOUND_TOLD = 1_000_000
"""A larger upper bound is nothing that a model comes near."""

_REPORTED = 3
_NAME_MAX = 40
_log = logging.getLogger(__name__)

_REASONS = {
    "missing": "is required",
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "literal_error": "must be one of {expected}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "value_error": "{error}",
}


class StrictArguments(ArgModelBase):
    """The base of every argument model: no unknown names, no conversion between types."""

    model_config = ConfigDict(extra="forbid", strict=True)


class StrictTool(Tool):
    """A tool function with its own argument check and its own rendering of failures.

    `open_call` gives the function its first argument when a call comes; `pays` says that an
    unforeseen failure leaves it unknown whether money moved. One that `reports` is given
    `report`, which sends progress to a caller that asked for it.
    """

    open_call: Callable[[], Awaitable[Any]] = Field(exclude=True)
    pays: bool = False
    reports: bool = False

    async def run(
        self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False
    ) -> CallToolResult:
        """Check the arguments, call the function, and return its answer or its failure."""
        del convert_result
        try:
            checked = check_arguments(self.name, self.fn_metadata.arg_model, arguments)
            if self.reports:
                checked["report"] = context.report_progress
            answer: ToolAnswer = await self.fn(await self.open_call(), **checked)
            return answer_result(answer)
        except PurserError as error:
            return error_result(error)
        except LedgerUnavailableError:
            detail = "The ledger could not be read."
            spent = "unknown" if self.pays else "no"
            return error_result(PurserError(ErrorKind.LEDGER_UNAVAILABLE, detail, spent))
        except Exception as error:  # noqa: BLE001 -- the last stop before the protocol
            _log.error("%s failed: %s", self.name, describe_exception(error))
            return error_result(internal_error(spent="unknown" if self.pays else "no"))


def strict_tool(
    function: ToolFunction,
    *,
    title: str,
    annotations: ToolAnnotations,
    open_call: Callable[[], Awaitable[Any]],
    pays: bool = False,
    meta: dict[str, Any] | None = None,
) -> StrictTool:
    """Make a tool of `async def name(toolbox, <annotated arguments>) -> ToolAnswer`.

    The docstring is the description; the argument schema forbids additional properties. A
    keyword-only `report` is not part of it; see `StrictTool`. `meta` is the `_meta` of its entry in
    the list.
    """
    model = _argument_model(function)
    return StrictTool(
        fn=function,
        name=function.__name__,
        title=title,
        description=inspect.getdoc(function) or "",
        parameters=_schema(model),
        fn_metadata=FuncMetadata(arg_model=model),
        is_async=True,
        context_kwarg=None,
        annotations=annotations,
        open_call=open_call,
        pays=pays,
        meta=meta,
        reports="report" in inspect.signature(function).parameters,
    )


def check_arguments(
    tool_name: str, model: type[ArgModelBase], arguments: dict[str, Any]
) -> dict[str, Any]:
    """Return the validated arguments by name.

    Raises:
        PurserError: INVALID_ARGUMENT, naming each wrong argument (at most three) and a fixed
            reason; no value is repeated.
    """
    try:
        return model.model_validate(arguments).model_dump_one_level()
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        detail = _tell_all(tool_name, list(model.model_fields), found)
    raise PurserError(ErrorKind.INVALID_ARGUMENT, detail)


def _tell_all(tool_name: str, known: list[str], found: list[ErrorDetails]) -> str:
    told = dict.fromkeys(
        _unknown(tool_name, known, str(one["loc"][0]))
        if one["type"] == "extra_forbidden"
        else _wrong(one)
        for one in found
    )
    detail = "; ".join(list(told)[:_REPORTED])
    if len(told) > _REPORTED:
        detail += f"; and {len(told) - _REPORTED} more"
    if any(one["type"] == "extra_forbidden" for one in found):
        detail += f". It takes {', '.join(known) or 'no arguments'}"
    return detail


def _wrong(error: ErrorDetails) -> str:
    where = str(error["loc"][0]) if error["loc"] else "the arguments"
    if len(error["loc"]) > 1:
        inner = error["loc"][1]
        # A position is ours; the key of an object is the caller's text.
        where = f"{where}[{inner}]" if isinstance(inner, int) else f"a value in {where}"
    reason = _REASONS.get(error["type"], "is not valid").format_map(error.get("ctx", {}))
    return f"{where} {reason}"


def _unknown(tool_name: str, known: list[str], name: str) -> str:
    printable = clip(name.encode("ascii", "replace").decode(), _NAME_MAX)
    told = f"{tool_name} has no argument {printable!r}"
    close = difflib.get_close_matches(name[:_NAME_MAX], known, n=1, cutoff=0.5)
    return f"{told} (did you mean {close[0]}?)" if close else told


def _argument_model(function: ToolFunction) -> type[StrictArguments]:
    parameters = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    fields: dict[str, Any] = {
        one.name: (one.annotation, ... if one.default is one.empty else one.default)
        for one in parameters
        if one.kind is not one.KEYWORD_ONLY
    }
    return create_model(f"{function.__name__}_arguments", __base__=StrictArguments, **fields)


def _schema(model: type[StrictArguments]) -> dict[str, Any]:
    """Return the JSON schema, with no more in it than a model has a use for."""
    schema = model.model_json_schema()
    schema.pop("title", None)
    properties: dict[str, Any] = schema.get("properties", {})
    return schema | {"properties": {name: _told(prop) for name, prop in properties.items()}}


def _told(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a property's schema without titles, most bounds, and the null of what can be left out.

    All are checked. Every host sends every schema to its model with every request.
    """
    told = {key: value for key, value in schema.items() if key not in _NOT_TOLD}
    if told.get("default", ...) is None:
        del told["default"]
    if told.get("maximum", 0) > _BOUND_TOLD:
        del told["maximum"]
    if "items" in told:
        told["items"] = _told(told["items"])
    kinds = [_told(one) for one in told.pop("anyOf", []) if one != {"type": "null"}]
    return told | (kinds[0] if len(kinds) == 1 else {"anyOf": kinds} if kinds else {})
