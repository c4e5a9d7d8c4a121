"""`purser serve`: the MCP server on standard input and output."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from server.commands.common import say
from wallet.errors import ErrorKind, PurserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `purser serve` takes."""
    parser.add_argument(
        "--transport", choices=("stdio",), default="stdio", help="how the host is spoken to"
    )
    parser.add_argument(
        "--legacy",
        action="store_true",
        help="speak only the MCP that begins with initialize (server.legacy_only)",
    )


def run(args: argparse.Namespace) -> int:
    """Serve until the host closes standard input.

    Raises:
        SettingsError: the settings cannot be used.
        PurserError: LEDGER_UNAVAILABLE, the folder for bought content cannot be made.
    """
    from server.app import serve_stdio
    from server.settings import load_settings
    from wallet.purchases import PurchaseStore, StorageFailedError

    settings = load_settings()
    if args.legacy:
        settings = replace(
            settings, server=settings.server.model_copy(update={"legacy_only": True})
        )
    try:
        PurchaseStore(settings.purchases_path())
    except StorageFailedError as error:
        # Found only while serving, it would end in the traceback of a task group.
        raise PurserError(ErrorKind.LEDGER_UNAVAILABLE, str(error)) from None
    if sys.stdin.isatty():
        say("purser: waiting for an MCP host on standard input; Ctrl-C ends", sys.stderr)
    serve_stdio(settings)
    return 0
