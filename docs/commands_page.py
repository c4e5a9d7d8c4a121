"""The generated page of commands."""

from __future__ import annotations

import argparse
from textwrap import fill

from page_parts import table

from server.cli import COMMANDS, build_parser
from server.exit_codes import exit_codes_told

_COMMANDS = """\
# Commands

`purser COMMAND --help` shows the same on the spot.

{exit_codes}

What was asked for goes to standard output, everything about it to standard error. Amounts are US
dollars, times are UTC. In a checkout, type `uv run purser` where this page says `purser`.

With `--json` standard output holds one JSON object. A refusal or failure of the wallet is one too,
`{{"error": ...}}`. What stops a command before it begins is told on standard error alone: wrong
usage, and settings that cannot be used. Read the exit code first.

Tables and colours are for terminals: a pipe gets plain text. With `NO_COLOR` set there is no escape
sequence in a terminal either.

{index}

{commands}"""


def _argument(action: argparse.Action) -> list[str]:
    """Return a row: how the argument is written, and what it does."""
    value = action.metavar or ("" if action.choices is None else "|".join(action.choices))
    shown = str(value) if action.nargs != "+" else f"{value} [{value} ...]"
    names = ", ".join(action.option_strings)
    written = " ".join(part for part in (names, "" if action.nargs == 0 else shown) if part)
    return [f"`{written}`".replace("|", "\\|"), (action.help or "").replace("%%", "%")]


def _arguments(parser: argparse.ArgumentParser) -> list[str]:
    """Return the table of a parser's arguments; nothing for one that has none."""
    taken = [
        one for one in parser._actions if not (one.dest == "help" or one.nargs == argparse.PARSER)
    ]
    rows = [_argument(one) for one in taken]
    return [table(["argument", "what it does"], rows)] if rows else []


def _command(name: str, parser: argparse.ArgumentParser) -> str:
    parts = [f"## purser {name}", parser.description or "", *_arguments(parser)]
    for action in (one for one in parser._actions if one.nargs == argparse.PARSER):
        choices: dict[str, argparse.ArgumentParser] = dict(action.choices or {})
        for word, its in choices.items():
            parts += [f"### purser {name} {word}", its.description or "", *_arguments(its)]
    parts.append("```sh\n" + "\n".join(COMMANDS[name].examples) + "\n```")
    return "\n\n".join(parts) + "\n"


def commands_page() -> str:
    """Return the page of commands, from the parsers themselves."""
    chosen = next(one for one in build_parser()._actions if one.dest == "command")
    parsers: dict[str, argparse.ArgumentParser] = dict(chosen.choices or {})
    index = [[f"[`{name}`](#purser-{name})", COMMANDS[name].help] for name in parsers]
    return _COMMANDS.format(
        exit_codes=fill(exit_codes_told(), 100),
        index=table(["command", "what it does"], index),
        commands="\n".join(_command(name, parser) for name, parser in parsers.items()),
    )
