"""Answers that cost more to read than to send: bombs, slow bodies, endless ones, wrong lengths."""

from __future__ import annotations

import zlib
from dataclasses import replace
from functools import cache

from sandbox.hostile.scene import (
    Play,
    Reply,
    Scene,
    Visit,
    refused,
    settled,
    settled_without_content,
)
from sandbox.hostile.wording import PLAIN, always, asking, asks, challenge, sell

MIB = 2**20
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZSTD_WINDOW_128_KIB = b"\x00\x38"
_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@cache
def gzip_bomb() -> bytes:
    """Return about one MiB of gzip that expands to one GiB of zeros."""
    packer = zlib.compressobj(9, wbits=31)
    first, more = (packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in "ab")
    return first + more * 1023


@cache
def zstd_bomb() -> bytes:
    """Return some 320 kB of Zstandard that expands to 10 GiB of zeros (RFC 8878)."""
    block = ((128 * 1024) << 3 | 1 << 1).to_bytes(3, "little") + b"\x00"  # one byte, repeated
    return _ZSTD_MAGIC + _ZSTD_WINDOW_128_KIB + block * 81_920


def nested_bomb() -> bytes:
    """Return a gzip bomb inside gzip, some kilobytes in all."""
    return zlib.compress(gzip_bomb(), 9, wbits=31)


def _coded(coding: str, body: bytes, status: int = 200) -> Play:
    return lambda _: Reply(status, (("content-encoding", coding), PLAIN), body)


def _gzip(status: int) -> Play:
    return lambda _: Reply(status, (("content-encoding", "gzip"), PLAIN), gzip_bomb())


def _ask_with_bomb(_: Visit) -> Reply:
    return asking(challenge(), ("content-encoding", "gzip"), body=gzip_bomb())


def _sold(visit: Visit, coding: str, body: bytes) -> Reply:
    honest = sell(visit)
    return replace(honest, headers=(*honest.headers, ("content-encoding", coding)), body=body)


def _sold_then(**changes: object) -> Play:
    """Cash the payment, answer honestly, and then go on in another manner."""
    return lambda visit: replace(sell(visit), **changes)  # type: ignore[arg-type]


def _cash_then(reply: Reply) -> Play:
    def play(visit: Visit) -> Reply:
        visit.cash()
        return reply

    return play


_ENDLESS_HEAD = Reply(raw=b"HTTP/1.1 200 OK\r\nx: ", then="endless")
_CONTINUES = Reply(raw=b"HTTP/1.1 100 Continue\r\n\r\n" * 500, then="hang")
_DRIPPING = Reply(200, (PLAIN,), b"", promised_bytes=10_000, then="drip")
_ENDLESS = Reply(raw=_CHUNKED, then="endless")

SCENES = (
    Scene("/bombs/gzip", 29, "a gibibyte from a mebibyte", _gzip(200), refused("too_large")),
    Scene(
        "/bombs/zstd",
        29,
        "ten gibibytes from 320 kB",
        lambda _: _coded("zstd", zstd_bomb())(_),
        refused("upstream_error"),
    ),
    Scene(
        "/bombs/br",
        29,
        "a coding nobody asked for",
        _coded("br", b"\x5b\xff\xff\x3f" * 99),
        refused("upstream_error"),
    ),
    Scene(
        "/bombs/nested",
        29,
        "a bomb inside a bomb",
        lambda _: _coded("gzip, gzip", nested_bomb())(_),
        refused("upstream_error"),
    ),
    Scene(
        "/bombs/challenge",
        29,
        "a bomb for a challenge",
        _gzip(402),
        refused("malformed_challenge"),
    ),
    Scene(
        "/bombs/beside-a-challenge",
        29,
        "a bomb beside an honest challenge",
        _ask_with_bomb,
        settled(),
    ),
    Scene(
        "/bombs/bought",
        29,
        "a bomb that was paid for: cut, and in the books",
        asks(),
        settled(),
        lambda visit: _sold(visit, "gzip", gzip_bomb()),
    ),
    Scene(
        "/bombs/bought-zstd",
        29,
        "ten gibibytes that were paid for: kept as they came, and in the books",
        asks(),
        settled(),
        lambda visit: _sold(visit, "zstd", zstd_bomb()),
    ),
    Scene("/bodies/endless", 29, "a body without end", always(_ENDLESS), refused("too_large")),
    Scene(
        "/bodies/endless-bought",
        29,
        "a body without end that was paid for",
        asks(),
        settled(),
        _cash_then(_ENDLESS),
    ),
    Scene(
        "/bodies/slow",
        29,
        "a byte now and then",
        always(_DRIPPING),
        refused("timeout"),
        impatient=True,
    ),
    Scene(
        "/bodies/slow-bought",
        29,
        "a byte now and then, after payment",
        asks(),
        settled(),
        _cash_then(_DRIPPING),
        impatient=True,
    ),
    Scene(
        "/bodies/shorter-than-promised",
        29,
        "less than was promised",
        always(Reply(200, (PLAIN,), b"goods", promised_bytes=5_000)),
        refused("upstream_error"),
    ),
    Scene(
        "/bodies/bought-shorter-than-promised",
        29,
        "less than was promised, after payment",
        asks(),
        settled(),
        _sold_then(promised_bytes=5_000),
    ),
    Scene(
        "/bodies/bought-longer-than-promised",
        29,
        "more than was promised, after payment",
        asks(),
        settled(),
        _sold_then(promised_bytes=4),
    ),
    Scene(
        "/heads/endless",
        29,
        "a header without end",
        always(_ENDLESS_HEAD),
        refused("upstream_error"),
    ),
    Scene(
        "/heads/endless-bought",
        29,
        "a header without end, after payment",
        asks(),
        settled_without_content(),
        _cash_then(_ENDLESS_HEAD),
    ),
    Scene(
        "/heads/continues",
        29,
        "provisional answers and then silence",
        always(_CONTINUES),
        refused("timeout"),
        impatient=True,
    ),
    Scene(
        "/heads/not-http",
        29,
        "an answer that is not HTTP",
        always(Reply(raw=b"SSH-2.0-Seller\r\n\r\n")),
        refused("upstream_error"),
    ),
)
