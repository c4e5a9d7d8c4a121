"""Every fuzz target by name: a function that takes bytes, the seeds it starts from, its words."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chain_targets
import mpp_targets
import rails_targets
import signed_targets
import web_targets
from official import challenges_agree, sdk_challenge, sdk_settlement, settlements_agree
from rails_targets import TERMS

CORPUS = Path(__file__).parent / "corpus"


@dataclass(frozen=True, slots=True)
class Target:
    """`run` raises nothing on any bytes; `words` are texts that lead a fuzzer deeper."""

    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    words: tuple[str, ...] = ()


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


OFFER: dict[str, Any] = {
    "scheme": "exact",
    "network": "eip155:8453",
    "asset": TERMS.asset,
    "amount": "10000",
    "payTo": TERMS.pay_to,
    "maxTimeoutSeconds": 60,
    "extra": {"name": "USD Coin", "version": "2", "assetTransferMethod": "eip3009"},
}
OFFER_V1 = {key: value for key, value in OFFER.items() if key != "amount"} | {
    "network": "base",
    "maxAmountRequired": "10000",
    "resource": "https://api.example.com/report",
}
CHALLENGES = (
    sdk_challenge(2),
    sdk_challenge(1),
    _json({"x402Version": 2, "accepts": [OFFER, OFFER | {"network": "solana:5eykt4U"}]}),
    _json({"x402Version": 1, "accepts": [OFFER_V1], "error": None}),
    _json(
        {
            "x402Version": 2,
            "resource": {"url": "https://api.example.com/x"},
            "accepts": [OFFER | {"extra": None}, 7, OFFER | {"amount": "１"}],
            "extensions": {"payment-identifier": {"info": {"required": False}, "schema": {}}},
        }
    ),
)
SETTLEMENTS = (
    sdk_settlement(success=True),
    sdk_settlement(success=False),
    _json({"success": True, "transaction": "0x" + "A" * 64, "network": "base", "amount": "1"}),
)
_WORDS = (
    *('"x402Version":1', '"x402Version":2', '"accepts":[', '"amount":"1"', '"payTo":', '"extra":'),
    *('"maxTimeoutSeconds":', '"maxAmountRequired":', "NaN", "-0", "1e2", "\\ud800", "\\u0031"),
    *('"scheme":"exact"', '"network":"base"', "eip155:8453", '"verifyingContract":', "null"),
    *('"success":true', '"transaction":', '"errorReason":', '"payer":', "true", "false"),
)
_CHARGE: dict[str, Any] = {
    "amount": "10000",
    "currency": TERMS.asset,
    "recipient": TERMS.pay_to,
    "methodDetails": {"chainId": 8453, "credentialTypes": ["authorization"], "decimals": 6},
}
PAYMENTS = (
    _json(_CHARGE),
    _json(_CHARGE | {"methodDetails": _CHARGE["methodDetails"] | {"splits": None}}),
    mpp_targets.header_of(_json(_CHARGE)).encode(),
    (mpp_targets.header_of(_json(_CHARGE)) + ', expires="2026-11-21T14:40:25Z"').encode(),
    (mpp_targets.header_of(_json(_CHARGE)) + r', description="a\"\u2603", header=x').encode(),
)
_PAYMENT_WORDS = (
    *("Payment ", 'id="', 'realm="', "method=evm", "intent=charge", 'request="', 'expires="'),
    *('opaque="e30"', 'digest="sha-256=', 'header="Payment-Authorization"', "\\ud83d", '\\"'),
    *('"amount":"1"', '"chainId":', '"credentialTypes":', '"splits":', '"authorization"', ", "),
)

_LOG: dict[str, Any] = {
    "address": TERMS.asset,
    "topics": [
        chain_targets.TRANSFER_TOPIC,
        "0x" + TERMS.payer[2:].lower().rjust(64, "0"),
        "0x" + TERMS.pay_to[2:].lower().rjust(64, "0"),
    ],
    "data": f"0x{TERMS.amount_atomic:064x}",
}
_USED = _LOG | {
    "topics": [chain_targets.AUTHORIZATION_USED_TOPIC, _LOG["topics"][1], TERMS.nonce],
    "data": "0x",
}
RECEIPT: dict[str, Any] = {
    "transactionHash": chain_targets.TX_HASH,
    "blockNumber": "0x10",
    "status": "0x1",
    "logs": [_LOG, _USED],
}
BLOCK = {"number": "0x10", "timestamp": "0x67bfa0aa"}
_HTML = (
    b"\x00text/html; charset=utf-8\n<html><head><title>Tides &amp; ports</title></head><body>"
    b"<article><h1>Tides</h1><p>High water at noon, low water at six.</p><table><tr><td "
    b"colspan='2'>7</td></tr></table><ul><li>one</li></ul><a href='/x'>more</a></article></body>"
)
_URLS = (
    b"https://api.example.com:8443/a/b?c=d#e",
    b"http://127.0.0.1:8402/x",
    b"https://[::ffff:7f00:1]/",
    b"https://0x7f.1/",
    b"https://b\xc3\xbccher.example/",
    b"https://user:pw@example.com/",
)
_URL_WORDS = (
    *("https://", "http://", "127.0.0.1:8402", "[::1]", "[64:ff9b::7f00:1]", "0x7f", "0177", "@"),
    *("2130706433", "%00", "%2e", "..", "//", "\\", "#", "?", "xn--", "localhost", "１２７", "。"),
)

TARGETS: dict[str, Target] = {
    "challenge": Target(rails_targets.challenge, CHALLENGES, _WORDS),
    "challenge-official": Target(challenges_agree, CHALLENGES, _WORDS),
    "settlement": Target(rails_targets.settlement, SETTLEMENTS, _WORDS),
    "settlement-official": Target(settlements_agree, SETTLEMENTS, _WORDS),
    "json": Target(rails_targets.codec, (*CHALLENGES, b"[[[1.0,-0,1e5]]]"), _WORDS),
    "base64": Target(rails_targets.base64_text, (base64.b64encode(CHALLENGES[0]), b"e30", b"e30=")),
    "payment": Target(mpp_targets.payment, PAYMENTS, _PAYMENT_WORDS),
    "payment-official": Target(mpp_targets.payment_official, PAYMENTS, _PAYMENT_WORDS),
    "receipt": Target(
        mpp_targets.receipt,
        (
            _json({"status": "success", "method": "evm", "reference": "0x" + "ab" * 32}),
            _json({"type": "https://paymentauth.org/problems/verification-failed"}),
        ),
        ('"chainId":', '"timestamp":"2026-11-21T14:35:25Z"', '"reference":"0x', '"type":'),
    ),
    "dialects": Target(
        mpp_targets.dialects,
        (
            b'Payment id="a", L402 macaroon="b", invoice="c"',
            b'Bearer realm="LSAT, payment"',
            b"L402 token=a, invoice=lnbc2500u1" + b"qpzry9x8gf2tvdw0" * 8,
            b"USD 0.01",
        ),
        ("L402 ", "LSAT ", "Payment ", 'realm="', '\\"', ", ", "USD ", "lnbc", "tempo", "session"),
    ),
    "small-texts": Target(
        mpp_targets.small_texts,
        (
            b"USD 0.01",
            b"lnbc10p1" + b"qpzry9x8gf2tvdw0" * 8,
            b"2026-11-21T14:35:25.5+01:00",
            b"sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:",
        ),
    ),
    "signed": Target(
        signed_targets.signed,
        signed_targets.SEEDS,
        ('"format":"jws"', '"payload":', '"acceptIndex":0', '"alg":', "did:key:z", "e30."),
    ),
    "sign-in": Target(
        signed_targets.sign_in,
        signed_targets.SIGN_INS,
        ("\\n", "0000-00-00T", "99:99:99Z", '"notBefore":', "[::1]", "@", "eip155:8453"),
    ),
    "jws": Target(
        signed_targets.jws_text,
        tuple(json.loads(seed)["signature"].encode() for seed in signed_targets.SEEDS[2:4]),
        ("e30.", ".e30", "eyJhbGciOiJub25lIn0."),
    ),
    "kid": Target(
        signed_targets.kid, signed_targets.KIDS, ("did:", "key:z", "jwk:e30", "#0", "web:", "pkh:")
    ),
    "rpc": Target(
        chain_targets.rpc,
        (
            _json([{"result": RECEIPT}]),
            _json([{"result": RECEIPT | {"status": "0x0"}}]),
            _json([{"result": BLOCK}, {"result": "0x" + "0" * 63 + "1"}]),
            _json([{"result": "0x" + "f" * 64}]),
            _json([{"result": BLOCK}, {"result": [_USED | {"transactionHash": "0x" + "A" * 64}]}]),
            _json([{"error": {"code": -32000}}]),
        ),
        ('"result":', '"logs":', '"topics":', '"status":"0x1"', '"0x"', '"timestamp":', "null"),
    ),
    "paging": Target(
        chain_targets.paging,
        (
            b"2026-11-21\n" + base64.urlsafe_b64encode(b"before:0193-7"),
            b"2026-11-21T10:00:00+23:59\n",
            b"0001-01-01T00:00:00+23:59\nx",
        ),
    ),
    "body": Target(
        web_targets.body,
        (
            b"\x00\nplain",
            b"\x01\n" + gzip.compress(b"x" * 9000, mtime=0),
            b"\x02\n" + zlib.compress(b"some words"),
            b"\x0a\n" + zlib.compress(b"other words" * 900)[2:-4],
            b"\x01\n" + gzip.compress(b"two", mtime=0) + gzip.compress(b"members", mtime=0),
        ),
    ),
    "charset": Target(
        web_targets.charset,
        (
            b"\x00text/html; charset=utf-16\n\xff\xfea\x00",
            b'\x01text/html\n<meta charset="koi8-r">\xc1\xc2',
            b"\x00text/plain; charset=iso-2022-jp\n\x1b$B$3\x1b(B",
            b"\x00text/plain; charset=utf-7\n+AGE-",
        ),
        ("; charset=", "utf-16", "hz", "big5", "punycode", "idna", "unicode_escape", "utf-32"),
    ),
    "content": Target(
        web_targets.content,
        (
            _HTML,
            b'\x01application/json\n{"a": [1.50, 2e3], "b": "c \\" d"}',
            b"\x02\n<!doctype html><p>untyped",
            b"\x00image/png\n\x89PNG\r\n\x1a\n0000",
            b"\x03text/csv\na,b\r\nc,d",
        ),
        ("<table>", "<td colspan=", "<script>", "</script>", "<!--", "-->", "<li>", "<pre>", "<a "),
    ),
    "content-type": Target(
        web_targets.content_type,
        (b"text/html; charset=UTF-8", b'application/json;charset="x"', b"a/b"),
    ),
    "url": Target(web_targets.url, _URLS, _URL_WORDS),
    "host": Target(
        web_targets.host,
        (b"api.example.com", b"0177.0.0.1", b"::ffff:127.0.0.1", b"127.1", b"\xef\xbc\x91.1"),
        _URL_WORDS,
    ),
    "headers": Target(
        web_targets.headers,
        (b"session=abc; Path=/\nAccept: text/html", b"X-Payment: x", b"Cookie: a=b"),
        ("Cookie: ", "Set-Cookie: ", "Host: ", "PAYMENT-SIGNATURE: ", "\r\n", "\x00", "=;"),
    ),
    "redirect": Target(
        web_targets.redirect,
        (
            b"/next\n../up?x=1\nhttps://other.example/\nhttps://shop.example/back",
            b"http://127.0.0.1:8402/\nhttps://169.254.169.254/",
            b"//other.example\nhttps:other\n?q",
        ),
        _URL_WORDS,
    ),
}


def saved_cases() -> list[tuple[str, Path]]:
    """Return each saved case with its target's name, in a stable order."""
    files = sorted(path for path in CORPUS.glob("*/*") if path.is_file())
    return [(path.parent.name, path) for path in files]
