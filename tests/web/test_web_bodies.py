"""Bodies and headers of any size and coding stay within bounds."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
import zlib

import pytest

from tests.web.loopback import MAX_BYTES, PAYMENT, Seen, always, client_for, refused, serve
from tools.web.guard import HostRules
from tools.web.http import WebClient, WebExchange
from wallet.errors import ErrorKind
from wallet.exchange import TransportFailedError, WebRequest


@pytest.mark.asyncio
async def test_a_body_over_the_limit_is_refused_unpaid_and_cut_when_paid() -> None:
    body = b"0123456789" * (MAX_BYTES // 10) + b"!"
    async with serve(always(body=body)) as site, client_for(site) as client:
        exchange = WebExchange(client, WebRequest("GET", site.url()))
        assert (await refused(exchange)).kind is ErrorKind.TOO_LARGE
        paid = await exchange.pay(PAYMENT)
    assert paid.truncated
    assert paid.body == body[:-1]


@pytest.mark.asyncio
async def test_a_body_of_exactly_the_limit_is_whole() -> None:
    async with serve(always(body=b"x" * MAX_BYTES)) as site, client_for(site) as client:
        response = await WebExchange(client, WebRequest("GET", site.url())).ask()
    assert (len(response.body), response.truncated) == (MAX_BYTES, False)


@pytest.mark.asyncio
@pytest.mark.parametrize("status", [402, 404, 500])
async def test_an_error_body_over_the_limit_is_cut_and_kept(status: int) -> None:
    async with (
        serve(always(status, body=b"x" * (MAX_BYTES + 1))) as site,
        client_for(site) as client,
    ):
        response = await WebExchange(client, WebRequest("GET", site.url())).ask()
    assert (response.status, len(response.body), response.truncated) == (status, MAX_BYTES, True)


@pytest.mark.asyncio
@pytest.mark.parametrize(("status", "kept_bytes"), [(402, 2**20), (404, 2_000_000)])
async def test_a_challenge_body_is_cut_at_one_mebibyte(status: int, kept_bytes: int) -> None:
    async with serve(always(status, body=b"x" * 2_000_000)) as site:
        rules = HostRules(private_ok=(site.authority,))
        async with WebClient(rules, "t", max_body_bytes=3_000_000) as client:
            response = await WebExchange(client, WebRequest("GET", site.url())).ask()
    assert (len(response.body), response.truncated) == (kept_bytes, status == 402)


@pytest.mark.asyncio
async def test_endless_padding_behind_a_compressed_body_stops_at_the_limit() -> None:
    async def reply(_: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"goods"))
        while True:
            writer.write(bytes(4096))
            await writer.drain()

    async with serve(reply) as site, client_for(site) as client:
        exchange = WebExchange(client, WebRequest("GET", site.url()))
        assert (await refused(exchange)).kind is ErrorKind.TOO_LARGE
        assert (await exchange.pay(PAYMENT)).body == b"goods"


@pytest.mark.asyncio
async def test_an_endless_chunked_body_stops_at_the_limit() -> None:
    async def reply(_: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
            await writer.drain()

    async with serve(reply) as site, client_for(site) as client:
        exchange = WebExchange(client, WebRequest("GET", site.url()))
        assert (await refused(exchange)).kind is ErrorKind.TOO_LARGE
        assert len((await exchange.pay(PAYMENT)).body) == MAX_BYTES


@pytest.mark.asyncio
@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP", "deflate", "deflate-raw"])
async def test_one_layer_of_compression_is_undone(coding: str) -> None:
    text = b"goods " * 1000
    raw = zlib.compressobj(wbits=-15)
    packed = {"deflate": zlib.compress(text), "deflate-raw": raw.compress(text) + raw.flush()}
    header = [("Content-Encoding", coding.removesuffix("-raw"))]
    body = packed.get(coding, gzip.compress(text))
    async with serve(always(headers=header, body=body)) as site, client_for(site) as client:
        response = await WebExchange(client, WebRequest("GET", site.url())).ask()
    assert response.body == text


@pytest.mark.asyncio
@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "gzip, identity, deflate", "gzip"])
async def test_an_unusable_coding_is_refused_unpaid_and_kept_raw_when_paid(coding: str) -> None:
    body = b"\x01\x02 not compressed at all" * 7000
    header = [("Content-Encoding", coding)]
    async with serve(always(headers=header, body=body)) as site, client_for(site) as client:
        exchange = WebExchange(client, WebRequest("GET", site.url()))
        assert (await refused(exchange)).kind is ErrorKind.UPSTREAM_ERROR
        assert (await exchange.pay(PAYMENT)).body == body


@pytest.mark.asyncio
async def test_compression_that_breaks_half_way_keeps_what_came_when_paid() -> None:
    whole = bytes(range(256)) * 400
    body = gzip.compress(whole)[:-200]
    header = [("Content-Encoding", "gzip")]
    async with serve(always(headers=header, body=body)) as site, client_for(site) as client:
        exchange = WebExchange(client, WebRequest("GET", site.url()))
        assert (await refused(exchange)).kind is ErrorKind.UPSTREAM_ERROR
        paid = await exchange.pay(PAYMENT)
    assert paid.truncated
    assert paid.body
    assert whole.startswith(paid.body)


@pytest.mark.asyncio
async def test_a_bomb_stops_at_the_limit_with_little_memory() -> None:
    packer = zlib.compressobj(9, wbits=31)
    first, more = (packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in "ab")
    bomb = first + more * 1000  # a gibibyte of zeros
    header = [("Content-Encoding", "gzip")]
    async with serve(always(headers=header, body=bomb)) as site, client_for(site) as client:
        exchange = WebExchange(client, WebRequest("GET", site.url()))
        await WebExchange(client, WebRequest("HEAD", site.url())).ask()
        tracemalloc.start()
        try:
            error = await refused(exchange)
            paid = await exchange.pay(PAYMENT)
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert error.kind is ErrorKind.TOO_LARGE
    assert (len(paid.body), paid.truncated) == (MAX_BYTES, True)
    assert peak_bytes < 4_000_000


@pytest.mark.asyncio
@pytest.mark.parametrize("kib", [1, 16, 64, 80])
async def test_a_large_challenge_header_is_read(kib: int) -> None:
    challenge = "a" * kib * 1024
    site_reply = always(402, [("PAYMENT-REQUIRED", challenge)])
    async with serve(site_reply) as site, client_for(site) as client:
        response = await WebExchange(client, WebRequest("GET", site.url())).ask()
    assert response.header("payment-required") == challenge


@pytest.mark.asyncio
@pytest.mark.parametrize("kib", [100, 128, 1024])
async def test_absurdly_large_headers_are_an_upstream_error(kib: int) -> None:
    headers = [(f"X-{number}", "a" * 1000) for number in range(kib)]
    async with serve(always(402, headers)) as site, client_for(site) as client:
        error = await refused(WebExchange(client, WebRequest("GET", site.url())))
    assert error.kind is ErrorKind.UPSTREAM_ERROR


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nBad Header: x\r\n\r\n",
    ],
)
async def test_an_answer_that_is_not_http_is_an_upstream_error(answer: bytes) -> None:
    async def reply(_: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    async with serve(reply) as site, client_for(site) as client:
        exchange = WebExchange(client, WebRequest("GET", site.url()))
        assert (await refused(exchange)).kind is ErrorKind.UPSTREAM_ERROR
        with pytest.raises(TransportFailedError):
            await exchange.pay(PAYMENT)
