"""The arguments that make up a request, and what is wrong with them before anything is asked."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server.commands.common import clean
from wallet.money import Usd

if TYPE_CHECKING:
    from tools.arguments import Method

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SHOWN_URL_CHARS = 200


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
    if url.split() != [url]:
        return f"{clean(url, SHOWN_URL_CHARS)!r} is no URL, such as https://example.com/report"
    host = url.partition("/")[0].partition(":")[0].lower()
    scheme = "http" if host == "localhost" or host.startswith("127.") else "https"
    return f"the URL has no scheme; did you mean {scheme}://{clean(url, SHOWN_URL_CHARS)} ?"


def usd(text: str) -> Usd:
    """Read an amount, as the type of an argument.

    Raises:
        argparse.ArgumentTypeError: it is no amount of US dollars.
    """
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
