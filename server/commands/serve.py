"""`purser serve`: the MCP server on standard input and output."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `purser serve` takes."""
    parser.add_argument(
        "--transport", choices=("stdio",), default="stdio", help="how the host is spoken to"
    )


def run(args: argparse.Namespace) -> int:
    """Serve until the host closes standard input."""
    from server.app import serve_stdio
    from server.settings import load_settings

    serve_stdio(load_settings())
    return 0
