"""What may be signed to sign in: fixed fields of the very site, made now, and nothing else."""

from __future__ import annotations

import base64
import json
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from signed_words_kit import SELLER, SELLER_KEY, purchase

from tests.desk import OpenKey
from wallet.errors import PurserError
from wallet.ledger.sqlite import SqliteLedger
from wallet.model import Purchase, State
from wallet.rails.x402.sign_in import (
    SignIn,
    names_site,
    objection,
    read_sign_in,
    sign_in_headers,
    sign_in_message,
)
from wallet.sign_in import is_timely
from wallet.signing.key import SigningRefusedError
from wallet.signing.sign_in import SignInSigner
from wallet.vault import Vault

URL = "https://api.example.com/report"
NETWORKS = ("eip155:8453",)
NOW = int(datetime(2026, 11, 21, 10, 30, tzinfo=UTC).timestamp())
ASKED = SignIn(
    domain="api.example.com",
    uri=URL,
    chain_id="eip155:8453",
    nonce="a1b2c3d4e5f67890a1b2c3d4e5f67890",
    issued_at="2026-11-21T10:30:00.000Z",
)
ADDRESS = "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A"
# As the official TypeScript package (@x402/extensions 2.27.0) writes it for the same fields.
OFFICIAL = (
    "api.example.com wants you to sign in with your Ethereum account:\n"
    "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A\n\n\n"
    "URI: https://api.example.com/report\nVersion: 1\nChain ID: 8453\n"
    "Nonce: a1b2c3d4e5f67890a1b2c3d4e5f67890\nIssued At: 2026-11-21T10:30:00.000Z"
)


def declared(**changes: Any) -> dict[str, Any]:
    info = {
        "domain": ASKED.domain,
        "uri": ASKED.uri,
        "version": "1",
        "nonce": ASKED.nonce,
        "issuedAt": ASKED.issued_at,
        "statement": "hello",
    }
    info = {name: value for name, value in {**info, **changes}.items() if value is not ...}
    chains = [
        {"chainId": "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", "type": "ed25519"},
        {"chainId": "eip155:8453", "type": "eip191"},
    ]
    return {"sign-in-with-x": {"info": info, "supportedChains": chains}}


def paid() -> Purchase:
    terms = purchase().transfer
    assert terms is not None
    own = replace(terms, payer=SELLER)
    return replace(purchase(), state=State.SETTLED, settled_at=NOW, transfer=own)


def test_the_text_is_the_one_that_the_official_package_writes() -> None:
    assert sign_in_message(ASKED, ADDRESS) == OFFICIAL
    longer = replace(ASKED, expires_at="2026-11-21T10:35:00.000Z")
    text = OFFICIAL + "\nExpiration Time: 2026-11-21T10:35:00.000Z"
    assert sign_in_message(longer, ADDRESS) == text
    longest = replace(longer, not_before="2026-11-21T10:29:00Z")
    assert sign_in_message(longest, ADDRESS) == text + "\nNot Before: 2026-11-21T10:29:00Z"


def test_what_a_seller_declares_is_read_without_its_prose() -> None:
    assert read_sign_in(declared(), NETWORKS) == ASKED
    (value,) = sign_in_headers(ASKED, ADDRESS, "0x1b").values()
    assert json.loads(base64.b64decode(value)) == {
        **{name: declared()["sign-in-with-x"]["info"][name] for name in ("domain", "uri", "nonce")},
        "chainId": "eip155:8453",
        "issuedAt": ASKED.issued_at,
        "version": "1",
        "type": "eip191",
        "address": ADDRESS,
        "signature": "0x1b",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"domain": "API.example.com"},
        {"domain": "api.example.com\nx"},
        {"domain": "api.example.com/"},
        {"domain": None},
        {"uri": "https://api.example.com/a b"},
        {"uri": "https://api.example.com/\n"},
        {"uri": "https://api.example.com/" + "x" * 2000},
        {"uri": "javascript:x"},
        {"version": "2"},
        {"version": ...},
        {"nonce": "short"},
        {"nonce": "a1b2c3d4\n"},
        {"nonce": "é" * 9},
        {"nonce": 12345678},
        {"issuedAt": "yesterday"},
        {"issuedAt": "2026-11-21T10:30:00+01:00"},
        {"issuedAt": ...},
        {"expirationTime": "2026-11-21"},
        {"expirationTime": 7},
        {"notBefore": "\n"},
    ],
    ids=str,
)
def test_a_field_out_of_its_form_is_not_signed(changes: dict[str, Any]) -> None:
    assert read_sign_in(declared(**changes), NETWORKS) is None


NOT_DECLARED: list[dict[str, Any]] = [
    {},
    {"sign-in-with-x": 7},
    {"sign-in-with-x": {"info": {}}},
    {"sign-in-with-x": {**declared()["sign-in-with-x"], "supportedChains": [7, {}]}},
    {"sign-in-with-x": {**declared()["sign-in-with-x"], "supportedChains": None}},
]


@pytest.mark.parametrize("extensions", NOT_DECLARED)
def test_what_is_not_declared_is_not_signed(extensions: dict[str, Any]) -> None:
    assert read_sign_in(extensions, NETWORKS) is None
    assert read_sign_in(declared(), ("eip155:137",)) is None


@pytest.mark.parametrize(
    ("domain", "uri", "url", "is_it"),
    [
        ("api.example.com", URL, URL, True),
        ("api.example.com", "https://api.example.com", URL, True),
        ("127.0.0.1:8402", "http://127.0.0.1:8402/x", "http://127.0.0.1:8402/y", True),
        ("127.0.0.1", "http://127.0.0.1:8402/x", "http://127.0.0.1:8402/y", True),
        ("[::1]", "http://[::1]:8402/x", "http://[::1]:8402/y", True),
        ("example.com", URL, URL, False),
        ("api.example.com", "https://example.com/", URL, False),
        ("api.example.com", "http://api.example.com/", URL, False),
        ("api.example.com", "https://api.example.com:8443/", URL, False),
        ("api.example.com:8443", URL, URL, False),
        ("api.example.com", "https://api.example.com@evil.example/", URL, False),
        ("api.example.com", "https://x@api.example.com/", URL, False),
        ("api.example.com", "https://[oops/", URL, False),
        ("", "https:///x", "https:///x", False),
    ],
)
def test_only_the_very_site_is_signed_in_to(domain: str, uri: str, url: str, is_it: bool) -> None:
    assert names_site(replace(ASKED, domain=domain, uri=uri), url) is is_it


@pytest.mark.parametrize(
    ("changes", "is_it"),
    [
        ({}, True),
        ({"issued_at": "2026-11-21T10:25:00Z"}, True),
        ({"issued_at": "2026-11-21T10:24:59Z"}, False),
        ({"issued_at": "2026-11-21T10:35:00.000001Z"}, False),
        ({"issued_at": "2026-13-21T10:30:00Z"}, False),
        ({"expires_at": "2026-11-22T10:30:00Z"}, True),
        ({"expires_at": "2026-11-22T10:30:01Z"}, False),
        ({"expires_at": "2026-11-21T10:30:00Z"}, False),
        ({"expires_at": "9999-99-99T99:99:99Z"}, False),
        ({"not_before": "2026-11-21T10:35:00Z"}, True),
        ({"not_before": "2026-11-21T10:35:01Z"}, False),
    ],
    ids=str,
)
def test_a_text_is_signed_when_it_is_fresh_and_ends_within_a_day(
    changes: dict[str, str], is_it: bool
) -> None:
    assert is_timely(replace(ASKED, **changes), NOW) is is_it


@pytest.mark.parametrize(
    ("asked", "row"),
    [
        (ASKED, None),
        (ASKED, replace(paid(), state=State.UNKNOWN)),
        (ASKED, replace(paid(), state=State.FREE, transfer=None)),
        (ASKED, replace(paid(), transfer=purchase().transfer)),
        (ASKED, replace(paid(), url="https://other.example/report")),
        (replace(ASKED, domain="bank.example"), paid()),
        (replace(ASKED, nonce="a1b2c3d4\nResources:"), paid()),
        (replace(ASKED, expires_at="\nResources:"), paid()),
    ],
)
def test_the_signer_checks_the_purchase_and_every_field_itself(
    asked: SignIn, row: Purchase | None
) -> None:
    assert objection(asked, row, SELLER) is not None

    with pytest.raises(SigningRefusedError):
        SignInSigner(OpenKey(SELLER_KEY).unlock(), lambda _: row).sign("p1", asked)
    signature = SignInSigner(OpenKey(SELLER_KEY).unlock(), lambda _: paid()).sign("p1", ASKED)
    text = encode_defunct(text=sign_in_message(ASKED, SELLER))
    assert Account.recover_message(text, signature=signature) == SELLER


def test_the_vault_signs_in_only_where_the_user_turned_it_on(tmp_path: Path) -> None:
    with closing(SqliteLedger(tmp_path / "ledger.sqlite3")) as ledger:
        with pytest.raises(PurserError, match="signing in is not turned on"):
            Vault(OpenKey(SELLER_KEY)).sign_in(ledger, "p1", ASKED)
        with pytest.raises(PurserError, match="no settled purchase"):
            Vault(OpenKey(SELLER_KEY), may_sign_in=True).sign_in(ledger, "p1", ASKED)
