"""Write the generated pages: `uv run python docs/generate.py PAGE...`, or no name for all.

`readme` fills the tables of README.md; `transcript` runs the demo and puts it there, and only when
it is named.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
for _folder in (str(ROOT / "docs"), str(ROOT)):
    if _folder not in sys.path:
        sys.path.insert(0, _folder)

from reference_pages import (  # noqa: E402
    BLOCKS,
    errors_page,
    settings_page,
    tools_page,
    transcript,
    with_block,
)
from reference_pages import table as _table  # noqa: E402

from server.cli import COMMANDS, build_parser  # noqa: E402
from wallet.assets import assets, networks  # noqa: E402

_NETWORKS = """\
# Networks and tokens

Purser pays only with the tokens below, on the networks below. Nothing a seller sends adds to either
table. Which networks are in use is your choice: `wallet.networks` in `config.toml`, by CAIP-2 id;
the default is Base alone. `purser networks` lists both tables, and with `--check` compares every
token with its contract, as your RPC servers show it.

## Networks

Sellers of x402 v2 name a network by its CAIP-2 id, sellers of v1 by the older name. The finality
margin is how long after an authorization has lapsed Purser waits, by the chain's clock, before an
unused nonce counts as proof that it was never spent.

{networks}

## Tokens

A token is known by its chain and contract address, never by its symbol. The EIP-712 name and
version are the ones its contract checks signatures against. A token that is not pegged to the US
dollar has no price in dollars here, so it cannot be weighed against a budget.

{tokens}
"""

_COMMANDS = """\
# Commands

`purser COMMAND --help` shows the same on the spot.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused by the limits. What was asked for goes to
standard output, everything about it to standard error. Amounts are US dollars, times are UTC. In a
checkout, type `uv run purser` where this page says `purser`.

With `--json` standard output holds one JSON object. A refusal or failure of the wallet is one too,
`{{"error": ...}}`. What stops a command before it begins is told on standard error alone: wrong
usage, and settings that cannot be used. Read the exit code first.

Tables and colours are for terminals: a pipe gets plain text. With `NO_COLOR` set there is no escape
sequence in a terminal either.

{index}

{commands}"""


def networks_page() -> str:
    """Return the page of networks and tokens, from `wallet/data/*.toml`."""
    net_rows = [
        [
            net.name,
            f"`{net.id}`",
            ", ".join(f"`{name}`" for name in net.v1_names) or "none",
            "yes" if net.testnet else "no",
            f"{net.finality_margin_s} s",
        ]
        for net in networks().values()
    ]
    asset_rows = [
        [
            networks()[asset.network].name,
            asset.symbol,
            f"`{asset.address}`",
            str(asset.decimals),
            f'"{asset.eip712_name}", "{asset.eip712_version}"',
            "yes" if asset.usd_pegged else "no",
        ]
        for asset in assets().values()
    ]
    net_headings = ["network", "CAIP-2 id", "x402 v1 names", "testnet", "finality margin"]
    asset_headings = ["network", "token", "contract", "decimals", "EIP-712 domain", "USD-pegged"]
    return _NETWORKS.format(
        networks=_table(net_headings, net_rows), tokens=_table(asset_headings, asset_rows)
    )


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
    return [_table(["argument", "what it does"], rows)] if rows else []


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
        index=_table(["command", "what it does"], index),
        commands="\n".join(_command(name, parser) for name, parser in parsers.items()),
    )


PAGES: dict[str, Callable[[], str]] = {
    "commands": commands_page,
    "errors": errors_page,
    "networks": networks_page,
    "settings": settings_page,
    "tools": tools_page,
}


def readme(text: str) -> str:
    """Return the text of README.md with its generated tables."""
    for name, block in BLOCKS.items():
        text = with_block(text, name, block())
    return text


def recorded(text: str) -> str:
    """Return the text of README.md with the transcript of a demo that is run now."""
    command = [sys.executable, "-m", "purser_mcp", "demo", "--json"]
    ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)  # noqa: S603
    return with_block(text, "transcript", transcript(json.loads(ran.stdout)))


def main(names: list[str]) -> None:
    """Write `docs/NAME.md` for each name, or every page and README.md when none is given.

    Raises:
        SystemExit: a name is not a generated page.
    """
    edits: dict[str, Callable[[str], str]] = {"readme": readme, "transcript": recorded}
    known = [*PAGES, *edits]
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise SystemExit(f"not a generated page: {', '.join(unknown)}; known: {', '.join(known)}")
    for name in names or [*PAGES, "readme"]:
        if name in edits:
            README.write_text(edits[name](README.read_text(encoding="utf-8")), encoding="utf-8")
        else:
            (ROOT / "docs" / f"{name}.md").write_text(PAGES[name](), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
