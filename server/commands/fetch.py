"""`purser fetch`: fetch a URL within the limits; content to stdout, the footer to stderr.

With several URLs, `fetch_batch` takes over.
"""

from __future__ import annotations

import argparse
import base64
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server.commands.common import add_json, print_json, run_wired, say, usage
from server.commands.content import (
    Body,
    Shown,
    add_content_arguments,
    output_problem,
    print_content,
    show,
    write_content,
)
from server.commands.fetch_urls import is_many, wanted_urls
from server.commands.request_arguments import (
    add_request_arguments,
    request_parts,
    request_problem,
    scheme_problem,
    usd,
)
from tools.bounds import CONCURRENCY_DEFAULT, CONCURRENCY_LIMIT, FETCHED_URLS

if TYPE_CHECKING:
    from server.wiring import Wired
    from tools.arguments import ContentFormat
    from wallet.exchange import WebRequest
    from wallet.presenting import Bought


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `purser fetch` takes."""
    parser.set_defaults(refuse=parser.error)
    parser.add_argument(
        "urls",
        metavar="URL",
        nargs="*",
        help=f"1 to {FETCHED_URLS:,} https URLs; HTTP 400 and above exits with 1",
    )
    add_request_arguments(parser)
    parser.add_argument(
        "--max-price-usd",
        type=usd,
        metavar="USD",
        help="pay at most this, for each URL; it only tightens",
    )
    parser.add_argument(
        "--pay-again", action="store_true", help="buy anew what was bought just before"
    )
    add_content_arguments(parser, when_to_files="--output and --output-dir")
    _add_many(parser)
    add_json(parser)


def _add_many(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("many URLs")
    group.add_argument(
        "--from",
        dest="from_file",
        metavar="FILE",
        help="read more URLs from a UTF-8 file, one a line; empty lines and lines that begin with "
        "# are left out; - is standard input",
    )
    group.add_argument(
        "--output-dir",
        type=Path,
        metavar="DIR",
        help="write each content to a file of its own in DIR, as it comes. No file is overwritten; "
        "one that holds the same already is kept",
    )
    group.add_argument(
        "--max-total-usd",
        type=usd,
        metavar="USD",
        help="spend at most this on all of them. The same URLs with the same total, soon after, "
        "go on with what is left of it",
    )
    group.add_argument(
        "--concurrency",
        type=int,
        metavar="N",
        help=f"how many at a time, 1 to {CONCURRENCY_LIMIT} (default {CONCURRENCY_DEFAULT})",
    )


def run(args: argparse.Namespace) -> int:
    """Fetch and show; fail when the answer's HTTP status is an error."""
    if is_many(args):
        from server.commands.fetch_batch import run_many

        try:
            urls = wanted_urls(args)
        except ValueError as error:
            return usage(str(error))
        return run_many(args, urls)
    return _run_one(args, args.urls[0]) if args.urls else args.refuse("name a URL, or --from FILE")


def _run_one(args: argparse.Namespace, url: str) -> int:
    from tools.arguments import web_request

    problem = request_problem(args) or scheme_problem(url)
    if (problem := problem or output_problem(args.output, force=args.force)) is not None:
        return usage(problem)
    request = web_request(url, *request_parts(args))
    return run_wired(partial(_fetch, args=args, request=request), as_json=args.json, unlocks=True)


async def _fetch(wired: Wired, *, args: argparse.Namespace, request: WebRequest) -> int:
    import anyio.to_thread

    bought = await wired.toolbox.buyer.fetch(
        wired.toolbox.web.exchange(request),
        max_price=args.max_price_usd,
        pay_again=args.pay_again,
    )
    wanted: ContentFormat = args.format or ("auto" if args.output is None else "raw")
    body = Body(bought.body, bought.content_type, bought.url)
    shown = await anyio.to_thread.run_sync(partial(show, body, wanted))
    if args.output is not None and not write_content(args.output, shown.data, force=args.force):
        return 1
    if args.json:
        print_json(_object(bought, shown, args.output))
    else:
        if args.output is None:
            print_content(shown)
        say(_footer(bought), sys.stderr)
    return 0 if bought.http_status < 400 else 1


def _footer(bought: Bought) -> str:
    from tools.showing import money_words

    words = [money_words(bought.purchase, reused=bought.reused)]
    if bought.left_today is not None:
        words.append(f"${bought.left_today} left today")
    if not bought.is_good:
        words.append(f"HTTP {bought.http_status}")
    if bought.truncated:
        words.append(f"cut at {len(bought.body)} bytes")
    words.append(f"receipt {bought.purchase.id}")
    return f"[Purser: {'; '.join(words)}]"


def _object(bought: Bought, shown: Shown, output: Path | None) -> dict[str, Any]:
    from wallet.receipts import receipt

    text = shown.text
    encoded = base64.b64encode(shown.data).decode("ascii")
    return {
        "receipt": receipt(bought.purchase, reused=bought.reused),
        "left_today_usd": None if bought.left_today is None else str(bought.left_today),
        "url": bought.url,
        "http_status": bought.http_status,
        "content_type": bought.content_type,
        "truncated": bought.truncated,
        "output": None if output is None else str(output),
        "content": text if output is None else None,
        "content_base64": encoded if output is None and text is None else None,
    }
