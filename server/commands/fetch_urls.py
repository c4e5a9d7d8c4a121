"""Which URLs `purser fetch` is to fetch, and what does not go with several of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from server.commands.common import clean
from server.commands.request_arguments import scheme_problem
from tools.bounds import CONCURRENCY_LIMIT, FETCHED_URLS, URL_CHARS

LIST_BYTES = 8_000_000
_NAME_CHARS = 200
# Left out of what several URLs may be given with, each with the reason.
_NOT_WITH_MANY = {
    "headers": "--header goes with one URL: every host in the list would see it",
    "body": "--body goes with one URL: several are fetched with GET",
    "method": "--method goes with one URL: several are fetched with GET",
    "pay_again": "--pay-again goes with one URL: with several it could buy each of them twice",
    "output": "--output goes with one URL; --output-dir DIR takes the files of several",
    "force": "--force goes with --output; no file in --output-dir is ever overwritten",
}


def is_many(args: argparse.Namespace) -> bool:
    """Tell whether more than one URL is meant, or something that only several URLs have."""
    alone = (args.from_file, args.output_dir, args.max_total_usd, args.concurrency)
    return len(args.urls) > 1 or any(one is not None for one in alone)


def wanted_urls(args: argparse.Namespace) -> tuple[str, ...]:
    """Return the URLs in order: those of the command line, then those of the list.

    Raises:
        ValueError: what is wrong with them, or with what was given beside them.
    """
    if (problem := _problem(args)) is not None:
        raise ValueError(problem)
    named = [(f"URL {number}", url) for number, url in enumerate(args.urls, 1)]
    if args.from_file is not None:
        named += _listed(_read(args.from_file))
        if not named:
            raise ValueError(f"{_named(args.from_file)} has no URLs")
    if not 1 <= len(named) <= FETCHED_URLS:
        raise ValueError(f"there are {len(named):,} URLs; 1 to {FETCHED_URLS:,} can be fetched")
    for where, url in named:
        told = "the URL is too long" if len(url) > URL_CHARS else scheme_problem(url)
        if told is not None:
            raise ValueError(f"{where}: {told}")
    return tuple(url for _, url in named)


def _problem(args: argparse.Namespace) -> str | None:
    if args.concurrency is not None and not 1 <= args.concurrency <= CONCURRENCY_LIMIT:
        return f"--concurrency is a number from 1 to {CONCURRENCY_LIMIT}"
    if args.format is not None and args.output_dir is None:
        return "--format goes with one URL, or with --output-dir"
    given: dict[str, Any] = vars(args) | {"method": args.method if args.method != "GET" else ""}
    # A body may be empty text, and is one all the same.
    there = (name for name in _NOT_WITH_MANY if given[name] or (name, given[name]) == ("body", ""))
    return next((_NOT_WITH_MANY[name] for name in there), None)


def _listed(text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.split("\n"), 1):
        url = line.strip()
        if url and not url.startswith("#"):
            yield f"line {number}", url


def _read(name: str) -> str:
    """Read the list, up to more than the longest that can be fetched."""
    called = _named(name)
    try:
        if name == "-":
            data = sys.stdin.buffer.read(LIST_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(LIST_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{called} cannot be read: {error.strerror}") from None
    if len(data) > LIST_BYTES:
        raise ValueError(f"{called} is longer than {LIST_BYTES:,} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{called} is not UTF-8 text") from None


def _named(name: str) -> str:
    return "--from: " + ("standard input" if name == "-" else clean(name, _NAME_CHARS))
