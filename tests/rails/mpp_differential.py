"""Compare the MPP rail with the official Python package on generated challenges.

    uv run python tests/rails/mpp_differential.py 20000

Every challenge is written by the package, alone or merged with others, and read by us. What it
means, the nonce, the digest that is signed and the whole payment have to be the package's own.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import string
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from eth_account import Account
from mpp import Challenge as OfficialChallenge
from mpp import Credential
from mpp.methods.evm import client as official_evm
from mpp.methods.evm._eip3009 import challenge_hash
from mpp.runtime import CredentialParams

from wallet.assets import Asset, assets
from wallet.exchange import WebRequest, WebResponse
from wallet.model import Challenge, Transfer
from wallet.rails.authenticate import parse_challenges
from wallet.rails.base import Draft
from wallet.rails.mpp import MppRail
from wallet.rails.mpp.challenge import read_payment_challenge
from wallet.rails.x402.eip712 import transfer_digest

KEY = "0x" + "46" * 32
NOW = datetime(2026, 11, 21, 14, 35, 25, tzinfo=UTC)
NOW_S = int(NOW.timestamp())
RAIL = MppRail()
_SIGNS = 'ab C7"\\,;=é\u00ff☃😀\u2028\t/~'


def generated(count: int, seed: int) -> Iterator[tuple[OfficialChallenge, Asset]]:
    """Yield charges by the package for every token of our table; one seed gives one sequence."""
    chance = random.Random(seed)
    table = list(assets().values())
    for _ in range(count):
        asset = chance.choice(table)
        yield _challenge(chance, asset), asset


def _challenge(chance: random.Random, asset: Asset) -> OfficialChallenge:
    request: dict[str, Any] = {
        "amount": str(chance.randrange(1, 10 ** chance.randrange(1, 30))),
        "currency": chance.choice((asset.address, asset.address.lower())),
        "recipient": "0x" + f"{chance.getrandbits(160) | 1:040x}",
        "methodDetails": {
            "chainId": int(asset.network.partition(":")[2]),
            "credentialTypes": ["authorization", "permit2"][: chance.randrange(1, 3)],
            "decimals": asset.decimals,
        },
    }
    if chance.random() < 0.3:
        request["description"] = _text(chance)
    fields: dict[str, Any] = {
        "realm": _text(chance) or "r",
        "method": "evm",
        "intent": "charge",
        "request": request,
        "expires": (NOW + timedelta(milliseconds=chance.randrange(10_000, 120_000))).isoformat(
            timespec="milliseconds"
        ),
    }
    for name, value in (
        ("description", _text(chance) or None),
        ("meta", {_text(chance): _text(chance)}),
        ("header", "Payment-Authorization"),
    ):
        if chance.random() < 0.4:
            fields[name] = value
    secret = "".join(chance.choices(string.ascii_letters, k=20))
    return OfficialChallenge.create(secret_key=secret, **fields)


def _text(chance: random.Random) -> str:
    return "".join(chance.choices(_SIGNS, k=chance.randrange(0, 12)))


def read(*values: str) -> Challenge:
    """Recognise these `WWW-Authenticate` values, which hold at least one charge of ours."""
    headers = tuple(("WWW-Authenticate", value) for value in values)
    challenge = RAIL.recognise(WebResponse("https://x.example/", 402, headers, b""))
    if challenge is None:
        raise AssertionError("the rail does not know its own challenge")
    return challenge


def compare_reading(theirs: OfficialChallenge, asset: Asset) -> None:
    """Check that a challenge means the same to both, alone and among others.

    Raises:
        AssertionError: it does not.
    """
    value = theirs.to_www_authenticate(theirs.realm)
    (mine,) = (read_payment_challenge(one) for one in parse_challenges([value]))
    again = OfficialChallenge.from_www_authenticate(value)
    assert mine.request == again.request == theirs.request
    assert mine.echo == _as_echoed(again)
    assert mine.header == again.credential_header
    merged = f'Basic realm="a, b", {value}, L402 token="t", {value}'
    challenge = read(merged, value)
    assert not challenge.unreadable
    assert [offer.raw for offer in challenge.offers] == [mine.echo] * 3
    offer = challenge.offers[0]
    assert (offer.network_id, offer.asset) == (asset.network, asset.address)
    assert str(offer.amount_atomic) == theirs.request["amount"]
    assert offer.pay_to.lower() == theirs.request["recipient"]


def _as_echoed(challenge: OfficialChallenge) -> dict[str, str]:
    echo = challenge.to_echo()
    names = ("id", "realm", "method", "intent", "request")
    more = ("expires", "digest", "description", "opaque", "header")
    return {name: getattr(echo, name) for name in names} | {
        name: getattr(echo, name) for name in more if getattr(echo, name) is not None
    }


def compare_payment(theirs: OfficialChallenge, asset: Asset) -> None:
    """Check that our payment, with the package's signature in it, is the package's to the byte.

    Raises:
        AssertionError: it is not.
    """
    challenge = read(theirs.to_www_authenticate(theirs.realm))
    (offer,) = challenge.offers
    account: Any = Account.from_key(KEY)
    official = _official_credential(theirs, asset, account)
    request = WebRequest("GET", "https://x.example/")
    draft = Draft(account.address, NOW_S, 120, bytes(32), "pay_0", request)
    transfer = RAIL.freeze(challenge, offer, draft)
    assert transfer.nonce == challenge_hash(theirs.id, theirs.realm)
    signature = official.payload["signature"]
    headers = RAIL.payment_headers(challenge, offer, transfer, signature, "pay_0")
    ((name, value),) = headers.items()
    assert name == theirs.credential_header
    assert Credential.from_authorization(value) == official
    assert _signed_digest_is(signature, transfer, asset, account.address)


def _official_credential(theirs: OfficialChallenge, asset: Asset, account: Any) -> Credential:
    method = official_evm.charge(
        currency=asset.address,
        account=account,
        chain_id=int(asset.network.partition(":")[2]),
        decimals=asset.decimals,
        authorization={"name": asset.eip712_name, "version": asset.eip712_version},
    )
    text = asyncio.run(_created(method, theirs))
    return Credential.from_authorization(text)


async def _created(method: Any, theirs: OfficialChallenge) -> str:
    return await method.create_credential(CredentialParams(challenge=theirs))


def _signed_digest_is(signature: str, transfer: Transfer, asset: Asset, signer: str) -> bool:
    """Tell whether the package's signature is one over the digest that we would sign."""
    recover: Any = Account._recover_hash  # pyright: ignore[reportPrivateUsage]
    return recover(transfer_digest(transfer, asset), signature=signature) == signer


def main() -> int:
    """Parse the command line and compare; any difference ends it with a traceback."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("count", type=int, help="how many challenges")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other challenges")
    chosen = parser.parse_args()
    for theirs, asset in generated(chosen.count, chosen.seed):
        compare_reading(theirs, asset)
        compare_payment(theirs, asset)
    print(f"{chosen.count} challenges read and paid alike")
    return 0


if __name__ == "__main__":
    sys.exit(main())
