"""What the official MPP package makes of a payment: the message it stands for."""

from __future__ import annotations

import base64
import json
from typing import Any

from mpp import Challenge, Credential
from mpp.methods.evm import client as official_evm
from mpp.methods.evm._eip3009 import (
    AUTHORIZATION_TYPES,
    authorization_domain,
    authorization_message,
    challenge_hash,
)
from mpp.runtime import CredentialParams
from official_whole import whole

from wallet.assets import Asset, find_asset

HEADERS = ("Authorization", "Payment-Authorization")


def charge_message(value: str) -> tuple[dict[str, Any], str]:
    """Return the message and the signature of a payment header.

    Payee and amount are the challenge's, and the nonce is computed from it, whatever the payment
    says of them.
    """
    credential = Credential.from_authorization(value)
    echo = credential.challenge
    request, asset = _asked(credential)
    payload = {
        **credential.payload,
        "to": request["recipient"],
        "value": request["amount"],
        "nonce": challenge_hash(echo.id, echo.realm),
    }
    domain = authorization_domain(
        name=asset.eip712_name,
        version=asset.eip712_version,
        chain_id=int(asset.network.removeprefix("eip155:")),
        currency=asset.address,
    )
    message = whole(
        domain, AUTHORIZATION_TYPES, "TransferWithAuthorization", authorization_message(payload)
    )
    return message, credential.payload["signature"]


async def official_payment(challenge: Challenge, account: Any) -> str:
    """Return what the package's own client sends for a challenge of method `evm`."""
    asset = _token(challenge.request["methodDetails"], challenge.request["currency"])
    method = official_evm.charge(
        currency=asset.address,
        account=account,
        chain_id=int(asset.network.removeprefix("eip155:")),
        decimals=asset.decimals,
        authorization={"name": asset.eip712_name, "version": asset.eip712_version},
    )
    return await method.create_credential(CredentialParams(challenge=challenge))


def _asked(credential: Credential) -> tuple[dict[str, Any], Asset]:
    echo = credential.challenge
    text = echo.request + "=" * (-len(echo.request) % 4)
    request = json.loads(base64.urlsafe_b64decode(text))
    details = request["methodDetails"]
    return request, _token(
        details["evm"] if echo.method == "usdc" else details, request["currency"]
    )


def _token(details: dict[str, Any], currency: str) -> Asset:
    asset = find_asset(f"eip155:{details['chainId']}", currency)
    assert asset is not None
    return asset
