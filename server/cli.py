"""The `purser` command: pick the subcommand, load only its module, and turn errors into exits."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module, metadata
from typing import NamedTuple

from server.exit_codes import DONE, FAILED, INTERRUPTED, REFUSED, exit_codes_told
from wallet.errors import ErrorKind, PurserError


class Command(NamedTuple):
    """One row of the table of subcommands."""

    module: str
    help: str
    examples: tuple[str, ...]


COMMANDS: dict[str, Command] = {
    "serve": Command(
        "serve",
        "serve MCP on standard input and output, for a host to start",
        ("purser serve", "purser serve --legacy"),
    ),
    "demo": Command(
        "demo",
        "watch a tool call buy a page on a local chain, start to finish",
        ("purser demo", "purser demo --json"),
    ),
    "sandbox": Command(
        "sandbox",
        "keep a local chain, facilitator and seller running to try things on",
        (
            "purser sandbox",
            "purser sandbox --seller-port 8402 --rpc-port 8545",
            "purser sandbox --wallet ~/purser-play",
        ),
    ),
    "init": Command(
        "init",
        "make a wallet and write config.toml",
        ("purser init", "purser init --key keystore", "purser init --import"),
    ),
    "install": Command(
        "install",
        "add Purser to an MCP host, in the host's own file, or take it out",
        (
            "purser install",
            "purser install claude-code",
            "purser install vscode --scope project --print",
            "purser install codex --remove",
        ),
    ),
    "fund": Command(
        "fund",
        "show the wallet's address, as text and QR code, and what it holds",
        ("purser fund", "purser fund --json"),
    ),
    "balance": Command(
        "balance",
        "show limits, what is left of them, and what the wallet holds",
        ("purser balance", "purser balance --json"),
    ),
    "fetch": Command(
        "fetch",
        "fetch URLs, paying within the limits",
        (
            "purser fetch https://api.example.com/report",
            "purser fetch https://api.example.com/report --max-price-usd 0.05 --format raw",
            "purser fetch --from urls.txt --max-total-usd 2.00 --output-dir pages",
        ),
    ),
    "price": Command(
        "price",
        "show what URLs would cost; pays nothing",
        ("purser price https://a.example/x https://b.example/y", "purser price URL --json"),
    ),
    "find": Command(
        "find",
        "search the directories of paid services; pays nothing",
        (
            'purser find "weather forecast" --max-price-usd 0.05',
            "purser find maps --network eip155:8453 --limit 20 --json",
        ),
    ),
    "receipts": Command(
        "receipts",
        "list purchases, newest first",
        ("purser receipts --host api.example.com --limit 5", "purser receipts --csv"),
    ),
    "receipt": Command(
        "receipt",
        "show one purchase, or what was bought",
        (
            "purser receipt 0199a3f0-5a6b-7c1d-9e2f-001122334455",
            "purser receipt 0199a3f0 --content --format markdown",
        ),
    ),
    "report": Command(
        "report",
        "sum up what was spent, by day, host, tool or network, also for a spreadsheet or a journal",
        (
            "purser report --period week",
            "purser report --period 2026-11 --format html --output november.html",
            "purser report --since 2026-01-01 --format beancount --output purser.beancount",
        ),
    ),
    "dashboard": Command(
        "dashboard",
        "watch the money on pages of this machine: limits, spending, holds and receipts",
        ("purser dashboard", "purser dashboard --no-open --port 8400"),
    ),
    "policy": Command(
        "policy",
        "show the limits in force, change one, seal them under a passphrase",
        (
            "purser policy show",
            "purser policy set budget.per_day 2.00",
            "purser policy seal",
            "purser policy unseal --passphrase-file -",
        ),
    ),
    "approvals": Command(
        "approvals",
        "list payments that wait for your approval",
        ("purser approvals", "purser approvals --open", "purser approvals --all --json"),
    ),
    "approve": Command(
        "approve",
        "approve one payment above budget.approval_above, once and on the terms shown",
        ("purser approve ap_0199a3f0-5a6b-7c1d-9e2f-001122334455",),
    ),
    "deny": Command(
        "deny",
        "refuse a payment that waits for approval, or take back an approval not used yet",
        ("purser deny ap_0199a3f0-5a6b-7c1d-9e2f-001122334455",),
    ),
    "allowance": Command(
        "allowance",
        "show what Permit2 may take from the wallet, and the transaction that changes it",
        ("purser allowance", "purser allowance --set 5.00", "purser allowance --set 0 --json"),
    ),
    "channels": Command(
        "channels",
        "list payment channels, what they hold and what they have paid",
        ("purser channels", "purser channels --all --json"),
    ),
    "channel": Command(
        "channel",
        "get back what a channel has left: ask its seller, or withdraw without it",
        ("purser channel refund ID", "purser channel withdraw ID"),
    ),
    "reconcile": Command(
        "reconcile",
        "ask the chain what became of open payments",
        ("purser reconcile", "purser reconcile --json"),
    ),
    "networks": Command(
        "networks",
        "list the networks and tokens that can be paid with, and compare them with the chain",
        (
            "purser networks",
            "purser networks --check --network eip155:8453",
            "purser networks --json",
        ),
    ),
    "doctor": Command(
        "doctor",
        "check key, RPC, clock, ledger and settings",
        ("purser doctor", "purser doctor --json"),
    ),
}


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """Return the parser; with `only`, load the arguments of that subcommand alone.

    The others are still listed, so that help and mistakes read the same.
    """
    parser = argparse.ArgumentParser(
        prog="purser",
        description="Let a language model buy things on the web without holding the purse.",
        epilog=exit_codes_told(),
    )
    version = f"purser {metadata.version('purser-mcp')}"
    parser.add_argument("--version", action="version", version=version)
    choices = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        examples = "examples:\n" + "\n".join(f"  {line}" for line in command.examples)
        sub = choices.add_parser(
            name,
            help=command.help,
            description=command.help[:1].upper() + command.help[1:] + ".",
            epilog=examples,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if only in (None, name):
            import_module(f"server.commands.{command.module}").add_arguments(sub)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    wanted = next((word for word in arguments if not word.startswith("-")), None)
    parser = build_parser(wanted if wanted in COMMANDS else "")
    if not arguments:
        parser.print_help()
        return DONE
    if wanted is not None and wanted not in COMMANDS:
        close = get_close_matches(wanted, COMMANDS, n=1)
        meant = f"; did you mean {close[0]}?" if close else "; purser --help lists them"
        parser.error(f"there is no command {wanted!r}{meant}")
    args = parser.parse_args(arguments)
    module = import_module(f"server.commands.{COMMANDS[args.command].module}")
    from server.settings import SettingsError

    try:
        return module.run(args)
    except SettingsError as error:
        sys.stderr.write(f"purser: the settings cannot be used\n{error}\n")
        return FAILED
    except PurserError as error:
        sys.stderr.write(error_text(error) + "\n")
        return REFUSED if error.kind.value.refusal else FAILED
    except BrokenPipeError:
        return _left_early(FAILED)
    except KeyboardInterrupt:
        return _left_early(INTERRUPTED)
    except BaseExceptionGroup as group:
        if group.split((BrokenPipeError, KeyboardInterrupt, SystemExit))[1] is not None:
            raise
        interrupted = group.split(KeyboardInterrupt)[0] is not None
        return _left_early(INTERRUPTED if interrupted else FAILED)


def _left_early(code: int) -> int:
    """End quietly: whoever read the output or pressed Ctrl-C has seen enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return code


def error_text(error: PurserError) -> str:
    """Write a typed failure for a terminal: what happened, whether money moved, what to do."""
    from server.commands.wording import for_terminal, words_for
    from wallet.errors import as_sentence

    words = words_for(error.kind)
    lines = [
        f"purser: {words.title} ({error.kind.value.code}).",
        f"  {for_terminal(as_sentence(error.detail))}",
        f"  Money moved: {error.spent}.",
    ]
    if "`purser " not in error.detail:  # which says already what to run
        lines.append(f"  {_play_hint(error) or words.hint}")
    if error.receipt_id is not None:
        lines.append(f"  Receipt: {error.receipt_id}")
    if len(error.offers) > 1:
        lines += [f"  Offer {one['index']}: {for_terminal(one['reason'])}" for one in error.offers]
    return "\n".join(lines)


def _play_hint(error: PurserError) -> str | None:
    """Say how to start the sandbox of this folder of play money, if it does not answer."""
    from server.commands.launcher import as_typed
    from server.commands.play_wallet import is_not_running
    from server.paths import purser_home_path
    from server.play_money import is_play_folder, starting_it

    if error.kind is not ErrorKind.UPSTREAM_ERROR:
        return None
    home = purser_home_path(os.environ)
    if not is_play_folder(home):
        return None
    return as_typed(f"Start {starting_it(home)}.") if is_not_running(home) else None
