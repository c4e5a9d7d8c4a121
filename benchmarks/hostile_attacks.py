"""What a hostile server may answer: each attack writes raw bytes to one connection."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import zlib
from collections.abc import Awaitable, Callable, Iterator
from itertools import repeat

from sandbox.run import NETWORK, SELLER
from wallet.assets import assets

Attack = Callable[[asyncio.StreamWriter], Awaitable[None]]

MIB = 2**20
GIB = 2**30
NEARLY_MAX = 9_900_000
OK = b"HTTP/1.1 200 OK\r\n"


def head(*lines: str, status: str = "200 OK") -> bytes:
    """Return a status line with headers and the empty line behind them."""
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1")


def whole(body: bytes, content_type: str, status: str = "200 OK", *more: str) -> list[bytes]:
    """Return an ordinary answer around a hostile body."""
    lines = (f"Content-Length: {len(body)}", f"Content-Type: {content_type}", *more)
    return [head(*lines, status=status), body]


def pay_challenge() -> dict[str, object]:
    """Return a challenge that Purser pays: one cent on the sandbox's chain."""
    asset = next(one for one in assets().values() if one.network == NETWORK and one.usd_pegged)
    offer = {
        "scheme": "exact",
        "network": NETWORK,
        "amount": "10000",
        "asset": asset.address,
        "payTo": SELLER,
        "maxTimeoutSeconds": 60,
        "extra": {"name": asset.eip712_name, "version": asset.eip712_version},
    }
    resource = {"url": "http://127.0.0.1/", "description": "", "mimeType": "text/plain"}
    return {"x402Version": 2, "resource": resource, "accepts": [offer]}


def challenge_header(challenge: object) -> str:
    """Return the value of a PAYMENT-REQUIRED header."""
    return base64.b64encode(json.dumps(challenge).encode()).decode()


def _bomb(coding: str, wbits: int) -> Iterator[bytes]:
    """Yield ten gibibytes of zeros, packed a thousand to one."""
    packer = zlib.compressobj(9, wbits=wbits)
    first, more = (packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in "ab")
    yield head(f"Content-Encoding: {coding}", "Content-Type: text/plain") + first
    yield from repeat(more, 10 * GIB // MIB)


def _zstd_bomb() -> Iterator[bytes]:
    """Yield endless blocks of 128 KiB that are each four bytes long (RFC 8878 section 3.1.1.2)."""
    yield head("Content-Encoding: zstd") + b"\x28\xb5\x2f\xfd\x00\x58"
    yield from repeat(((131_072 << 3) | 2).to_bytes(3, "little") + b"\0", 10 * GIB // 131_072)


def _endless(first: bytes, piece: bytes, count: int) -> Iterator[bytes]:
    yield first
    yield from repeat(piece, count)


def _html(inner: str) -> list[bytes]:
    page = f"<html><head><title>t</title></head><body>{inner}</body></html>"
    return whole(page.encode(), "text/html; charset=utf-8")


def _offers(count: int) -> dict[str, object]:
    challenge = pay_challenge()
    bad = {"scheme": "exact", "network": "eip155:1", "amount": "1", "asset": "0x", "payTo": "0x"}
    return challenge | {"accepts": [bad] * count}


def _deep(depth: int) -> str:
    return "[" * depth + "]" * depth


def _header_402(value: str) -> list[bytes]:
    return [head(f"PAYMENT-REQUIRED: {value}", "Content-Length: 0", status="402 Pay")]


def _body_402(body: bytes) -> list[bytes]:
    return whole(body, "application/json", "402 Pay")


def _settled(value: str) -> list[bytes]:
    return whole(b"goods", "text/plain", "200 OK", f"PAYMENT-RESPONSE: {value}")


def _words(count: int) -> str:
    return "a plain sentence of words. " * (count // 27)


CODED = {
    "gzip bomb, 10 GiB": lambda: _bomb("gzip", 31),
    "deflate bomb, 10 GiB": lambda: _bomb("deflate", 15),
    "bare deflate bomb": lambda: _bomb("deflate", -15),
    "zstd bomb, 10 GiB": _zstd_bomb,
    "endless brotli": lambda: _endless(head("Content-Encoding: br"), bytes(MIB), 10_000),
    "gzip in gzip": lambda: whole(
        gzip.compress(gzip.compress(bytes(200 * MIB))), "text/plain", "200 OK",
        "Content-Encoding: gzip, gzip",
    ),
    "fifty codings": lambda: _endless(
        head("Content-Encoding: " + ", ".join(["gzip"] * 50)), bytes(MIB), 10_000
    ),
}  # fmt: skip
FRAMING = {
    "endless chunks": lambda: _endless(
        head("Transfer-Encoding: chunked"), b"10000\r\n" + b"x" * 65_536 + b"\r\n", 200_000
    ),
    "one-byte chunks": lambda: _endless(
        head("Transfer-Encoding: chunked"), b"1\r\nx\r\n" * 10_000, 20_000
    ),
    "content-length 10 GB": lambda: _endless(
        head("Content-Length: 10000000000"), bytes(MIB), 10_000
    ),
    "chunk extension, 100 MB": lambda: _endless(
        head("Transfer-Encoding: chunked") + b"1;", b"x" * MIB, 100
    ),
    "endless trailers": lambda: _endless(
        head("Transfer-Encoding: chunked") + b"1\r\nx\r\n0\r\n", b"T: v\r\n" * 10_000, 1_000
    ),
    "a million headers": lambda: _endless(OK, b"X-A: b\r\n" * 1_000, 1_000),
    "header line, 100 MB": lambda: _endless(OK + b"X-A: ", b"x" * MIB, 100),
    "status line, 100 MB": lambda: _endless(b"HTTP/1.1 200 ", b"x" * MIB, 100),
    "endless 103 answers": lambda: _endless(
        b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 1_000, 10_000
    ),
    "90 kB of cookies": lambda: [
        head(*(f"Set-Cookie: c{n}={'v' * 80}" for n in range(900)), "Content-Length: 0")
    ],
}
CHALLENGES = {
    "90 kB challenge": lambda: _header_402(challenge_header(_offers(800))),
    "deep challenge": lambda: _header_402(base64.b64encode(_deep(30_000).encode()).decode()),
    "challenge not base64": lambda: _header_402("!" * 90_000),
    "body challenge, 1 MB": lambda: _body_402(json.dumps(_offers(9_000)).encode()),
    "body challenge, deep": lambda: _body_402(_deep(500_000).encode()),
    "body challenge, 10 MB": lambda: _body_402(b'{"accepts":[' + b"{}," * 3_000_000 + b"{}]}"),
    "empty offers, 1 MB": lambda: _body_402(
        b'{"x402Version":1,"accepts":[' + b"{}," * 340_000 + b"{}]}"
    ),
    "a number of 1 MB": lambda: _body_402(b'{"x402Version":' + b"9" * 1_000_000 + b"}"),
    "settlement of 90 kB": lambda: _settled(challenge_header({"success": "x" * 65_000})),
    "deep settlement": lambda: _settled(base64.b64encode(_deep(30_000).encode()).decode()),
}
CONTENT = {
    "HTML, 10 MB": lambda: _html(f"<p>{_words(NEARLY_MAX)}</p>"),
    "HTML, 10 MB, wide": lambda: _html(f"<p>\U0001f600{_words(NEARLY_MAX)}</p>"),
    "HTML, 10 MB of tags": lambda: _html("<p>a</p>" * (NEARLY_MAX // 8)),
    "HTML, just extracted": lambda: _html("".join(f"<p>{_words(500)}</p>" for _ in range(790))),
    "HTML, many tags": lambda: _html("<p>ab cd ef gh</p>" * 9_000),
    "HTML, nested": lambda: _html("<div>" * 9_000 + "x" + "</div>" * 9_000),
    "HTML, unclosed": lambda: _html("<b><i><a href=x>" * 6_000),
    "HTML, tables": lambda: _html("<table><tr><td>" * 1_900 + _words(9_000)),
    "HTML, attributes": lambda: _html(
        "".join(f"<p {' '.join(f'a{n}=b' for n in range(900))}>x" for _ in range(11))
    ),
    "HTML, entities": lambda: _html("&amp;&#128512;" * (NEARLY_MAX // 14)),
    "HTML, comments": lambda: _html("<!--" * (NEARLY_MAX // 4)),
    "HTML, scripts": lambda: _html("<script>" * (NEARLY_MAX // 8)),
    "text, 10 MB, wide": lambda: whole(
        ("\U0001f600" + _words(NEARLY_MAX)).encode(), "text/plain; charset=utf-8"
    ),
    "text, latin-1": lambda: whole(b"\xe9 " * (NEARLY_MAX // 2), "text/plain; charset=latin-1"),
    "text, utf-7": lambda: whole(b"+AGE-" * (NEARLY_MAX // 5), "text/plain; charset=utf-7"),
    "JSON, 10 MB": lambda: whole(b"[" + b"{}, " * 2_470_000 + b"{}]", "application/json"),
    "JSON, just compacted": lambda: whole(b"[" + b"[]," * 166_000 + b"[]]", "application/json"),
    "JSON, deep": lambda: whole(_deep(4_000_000).encode(), "application/json"),
    "PNG, 10 MB": lambda: whole(b"\x89PNG\r\n\x1a\n" + bytes(NEARLY_MAX), "image/png"),
    "PNG, 3.4 MB": lambda: whole(b"\x89PNG\r\n\x1a\n" + bytes(3_400_000), "image/png"),
    "binary, 10 MB": lambda: whole(bytes(NEARLY_MAX), "application/zip"),
}


async def _slow_body(writer: asyncio.StreamWriter) -> None:
    writer.write(head("Content-Length: 1000000", "Content-Type: text/plain"))
    await _drip(writer, b"x")


async def _slow_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(OK)
    await _drip(writer, b"X")


async def _silence(writer: asyncio.StreamWriter) -> None:
    await writer.drain()
    await asyncio.sleep(60)


async def _drip(writer: asyncio.StreamWriter, piece: bytes) -> None:
    for _ in range(60):
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(1)


SLOW: dict[str, Attack] = {
    "a byte per second": _slow_body,
    "slow headers": _slow_headers,
    "silence": _silence,
}


def _sending(pieces: Callable[[], Iterator[bytes] | list[bytes]]) -> Attack:
    async def attack(writer: asyncio.StreamWriter) -> None:
        for piece in pieces():
            writer.write(piece)
            await writer.drain()

    return attack


def attacks() -> dict[str, Attack]:
    """Return every attack by name."""
    groups = (CODED, FRAMING, CHALLENGES, CONTENT)
    return {name: _sending(pieces) for group in groups for name, pieces in group.items()} | SLOW
