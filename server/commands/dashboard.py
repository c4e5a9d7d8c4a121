"""`purser dashboard`: pages on this machine on which to watch the money."""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

from server.commands.common import print_json, run_wired, say

if TYPE_CHECKING:
    from server.wiring import Wired

LINK_LIFE_S = 600
SESSION_LIFE_S = 12 * 3600
HIGHEST_PORT = 65_535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `purser dashboard` takes."""
    parser.add_argument(
        "--port", type=_port, default=0, metavar="N", help="listen here (default: a free port)"
    )
    parser.add_argument(
        "--no-open", action="store_true", help="only print the link; open no browser"
    )
    parser.add_argument(
        "--json", action="store_true", help="print the link as JSON, and open no browser"
    )


def run(args: argparse.Namespace) -> int:
    """Serve the pages until Ctrl-C; they only read."""

    async def job(wired: Wired) -> int:
        import anyio

        from server.dashboard.site import serve_dashboard
        from server.pages.browser import shown_in_browser

        try:
            async with serve_dashboard(wired, port=args.port) as pages:
                link = pages.link("/", life_s=LINK_LIFE_S, session_life_s=SESSION_LIFE_S)
                if args.json:
                    print_json({"url": link, "link_life_s": LINK_LIFE_S}, indent=None)
                else:
                    say("The dashboard opens with this link, once, within 10 minutes:\n")
                    say(f"  {link}\n\nKeep it to yourself. Ctrl-C ends the pages.")
                quiet = args.no_open or args.json
                own = pages.link("/", life_s=LINK_LIFE_S, session_life_s=SESSION_LIFE_S)
                with nullcontext() if quiet else shown_in_browser(own, wired.settings.home):
                    await anyio.sleep_forever()
        except OSError as error:
            say(f"purser: port {args.port} cannot be used ({error.strerror}).", sys.stderr)
        return 1

    return run_wired(job, as_json=args.json)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 <= int(text) <= HIGHEST_PORT):
        raise argparse.ArgumentTypeError(f"write a whole number up to {HIGHEST_PORT}")
    return int(text)
