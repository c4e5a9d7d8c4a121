"""`purser fetch`: fetch a URL within the limits; content to stdout, the footer to stderr."""

from __future__ import annotations

import argparse
import base64
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server.commands.common import (
    add_json,
    clean,
    clean_block,
    print_json,
    run_wired,
    say,
    usage,
)
from wallet.money import Usd

if TYPE_CHECKING:
    from server.wiring import Wired
    from tools.arguments import ContentFormat, Method
    from wallet.exchange import WebRequest
    from wallet.presenting import Bought

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SHOWN_URL_CHARS = 200
FORMATS = ("auto", "markdown", "text", "raw")
_NO_TEXT = (
    "The content is {} bytes that are no text. Run this again with --output FILE: "
    "what was bought is stored, and costs nothing now."
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A body as it will be written: `text` is None when it is bytes that are no text."""

    data: bytes
    text: str | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `purser fetch` takes."""
    parser.add_argument("url", metavar="URL", help="the https URL; HTTP 400 and above exits with 1")
    add_request_arguments(parser)
    parser.add_argument(
        "--max-price-usd", type=_usd, metavar="USD", help="pay at most this; it only tightens"
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="how to show it: auto turns HTML into Markdown, raw leaves the bytes alone "
        "(default auto; raw with --output)",
    )
    parser.add_argument(
        "--pay-again", action="store_true", help="buy anew what was bought just before"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the content to a file")
    add_json(parser)


def add_request_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that make up a request: method, headers and body."""
    parser.add_argument(
        "--method", choices=METHODS, help="HTTP method (default GET; POST with a body)"
    )
    parser.add_argument(
        "--header",
        dest="headers",
        action=_AddHeader,
        default={},
        metavar="NAME:VALUE",
        help="a request header; may be repeated with other names",
    )
    body = parser.add_mutually_exclusive_group()
    body.add_argument("--body", metavar="TEXT", help="the request body, as text")
    body.add_argument(
        "--body-file",
        dest="body",
        type=_text_of,
        metavar="FILE",
        help="read the request body from a UTF-8 file; - is standard input",
    )


class _AddHeader(argparse.Action):
    """Collects headers, each name once: a request is kept as names with one value each."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        name, colon, value = str(values).partition(":")
        headers: dict[str, str] = dict(getattr(namespace, self.dest))
        if not colon or not name.strip():
            parser.error("write a header as NAME:VALUE")
        if name.strip().lower() in map(str.lower, headers):
            parser.error("give each header once")
        setattr(namespace, self.dest, headers | {name.strip(): value.strip()})


def request_parts(args: argparse.Namespace) -> tuple[Method, dict[str, str], str | None]:
    """Return method, headers and body from parsed arguments."""
    method: Method = args.method or ("GET" if args.body is None else "POST")
    return method, args.headers, args.body


def request_problem(args: argparse.Namespace) -> str | None:
    """Return what is wrong with a request's arguments taken together."""
    if args.body is not None and args.method == "GET":
        return "a body needs --method POST, PUT, PATCH or DELETE"
    return None


def scheme_problem(url: str) -> str | None:
    """Return what to write instead of a URL without a scheme, such as `example.com/report`."""
    if "://" in url:
        return None
    host = url.partition("/")[0].partition(":")[0].lower()
    scheme = "http" if host == "localhost" or host.startswith("127.") else "https"
    return f"the URL has no scheme; did you mean {scheme}://{clean(url, SHOWN_URL_CHARS)} ?"


def run(args: argparse.Namespace) -> int:
    """Fetch and show; fail when the answer's HTTP status is an error."""
    from tools.arguments import web_request

    if args.output is not None and (args.output.is_dir() or not args.output.parent.is_dir()):
        return usage("--output must name a file in a folder that exists")
    if (problem := request_problem(args) or scheme_problem(args.url)) is not None:
        return usage(problem)
    request = web_request(args.url, *request_parts(args))
    return run_wired(partial(_fetch, args=args, request=request), as_json=args.json, unlocks=True)


async def _fetch(wired: Wired, *, args: argparse.Namespace, request: WebRequest) -> int:
    import anyio.to_thread

    bought = await wired.toolbox.buyer.fetch(
        wired.toolbox.web.exchange(request),
        max_price=args.max_price_usd,
        pay_again=args.pay_again,
    )
    wanted: ContentFormat = args.format or ("auto" if args.output is None else "raw")
    shown = await anyio.to_thread.run_sync(partial(_shown, bought, wanted))
    if args.output is not None and not _write(args.output, shown.data):
        return 1
    if args.json:
        print_json(_object(bought, shown, args.output))
    else:
        if args.output is None:
            _print(shown)
        say(_footer(bought), sys.stderr)
    return 0 if bought.http_status < 400 else 1


def _shown(bought: Bought, wanted: ContentFormat) -> Shown:
    """Turn the body into what was asked for; blocks, so it runs in a worker thread."""
    from tools.reading.apart import desk

    wanted = _as_data(bought, wanted)
    rendered = desk.render(bought.body, bought.content_type, bought.url, wanted)
    if rendered.kind != "text":
        return Shown(bought.body, None)
    if wanted == "raw":
        return Shown(bought.body, rendered.text)
    return Shown(rendered.text.encode("utf-8", "replace"), rendered.text)


def _as_data(bought: Bought, wanted: ContentFormat) -> ContentFormat:
    """Leave JSON, tables and PDF to a program as they are; a model is shown their shape."""
    from tools.reading.json_text import SMALL_CHARS
    from tools.reading.kinds import kind_of

    kind, _ = kind_of(bought.body, bought.content_type, bought.url)
    data = kind in ("json", "ndjson", "csv") and len(bought.body) > SMALL_CHARS
    file = kind == "pdf" and not sys.stdout.isatty()
    return "raw" if wanted == "auto" and (data or file) else wanted


def _print(shown: Shown) -> None:
    """Write the content: bytes into a pipe, and nothing that steers a terminal to a terminal."""
    if not sys.stdout.isatty():
        sys.stdout.flush()
        sys.stdout.buffer.write(shown.data)
        if shown.text is not None and not shown.data.endswith(b"\n"):
            sys.stdout.buffer.write(b"\n")
        sys.stdout.buffer.flush()
    elif shown.text is not None:
        say(clean_block(shown.text))
    else:
        say(_NO_TEXT.format(len(shown.data)), sys.stderr)


def _write(path: Path, data: bytes) -> bool:
    try:
        path.write_bytes(data)
    except OSError as error:
        say(f"purser: the file cannot be written: {error.strerror}.", sys.stderr)
        say("  The content is stored: run the same command again soon, at no cost.", sys.stderr)
        return False
    return True


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


def _usd(text: str) -> Usd:
    try:
        return Usd.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _text_of(name: str) -> str:
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return data.decode("utf-8")
    except OSError as error:
        raise argparse.ArgumentTypeError(f"the file cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise argparse.ArgumentTypeError("the file is not UTF-8 text") from None
