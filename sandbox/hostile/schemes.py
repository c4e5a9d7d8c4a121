"""Offers that want something else signed than one transfer, and those that only look so."""

from __future__ import annotations

from typing import Any

from sandbox.hostile.scene import Scene, refused, settled
from sandbox.hostile.wording import CANARY, OTHER_PAYEE, asks, offer

PERMIT2 = "0x000000000022D473030F116dDEE9F6B43aC78BA3"


def _extra(**more: Any) -> dict[str, Any]:
    return {"name": "USDC", "version": "2", **more}


_UPTO = {"scheme": "upto", "extra": _extra(facilitatorAddress=OTHER_PAYEE)}

_WANTED: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("upto", "a ceiling to charge against", _UPTO),
    ("batch-settlement", "a channel to settle in batches", {"scheme": "batch-settlement"}),
    ("deposit", "a deposit", {"scheme": "deposit"}),
    ("exact-in-capitals", "the scheme in capitals", {"scheme": "EXACT"}),
    ("permit2", "a standing Permit2 approval", {"extra": _extra(assetTransferMethod="permit2")}),
    ("permit", "an EIP-2612 permit", {"extra": _extra(assetTransferMethod="eip2612")}),
    (
        "delegation",
        "a delegation of the whole wallet",
        {"extra": _extra(assetTransferMethod="erc7710")},
    ),
    ("upfront", "the money before the work", {"extra": _extra(paymentFlow="upfront")}),
)

# No setting allows these: the signature would be for another contract than the token.
_NEVER: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "gateway",
        "a transfer out of a shared gateway wallet",
        {"extra": _extra(name="GatewayWalletBatched")},
    ),
    (
        "other-contract",
        "a signature for another contract",
        {"extra": _extra(verifyingContract=PERMIT2)},
    ),
)

_EXTENSIONS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "eip2612-gas-sponsoring",
        "gas paid by the seller for an unlimited permit",
        {"eip2612GasSponsoring": {"info": {"spender": PERMIT2, "amount": str(2**256 - 1)}}},
    ),
    (
        "erc20-approval-gas-sponsoring",
        "gas paid by the seller for an unlimited approval",
        {"erc20ApprovalGasSponsoring": {"info": {"spender": OTHER_PAYEE, "version": "1"}}},
    ),
    (
        "sign-in",
        "a text to sign in with",
        {"sign-in-with-x": {"info": {"statement": CANARY, "uri": "https://example.com/"}}},
    ),
    (
        "typed-data",
        "typed data to sign",
        {"sign": {"primaryType": "Permit", "message": {"value": str(2**256 - 1)}}},
    ),
    (
        "payment-identifier",
        "the payment identifier, which is harmless",
        {"payment-identifier": {"info": {"required": True}}},
    ),
)

SCENES = (
    *(
        Scene(f"/schemes/{name}", 8, what, asks(offer(**changes)), refused("scheme_not_enabled"))
        for name, what, changes in _WANTED
    ),
    *(
        Scene(f"/schemes/{name}", 8, what, asks(offer(**changes)), refused("no_payable_offer"))
        for name, what, changes in _NEVER
    ),
    Scene(
        "/schemes/permit2-then-plain",
        8,
        "a cheaper Permit2 offer beside a plain one",
        asks(offer(amount="1", extra=_extra(assetTransferMethod="permit2")), offer()),
        settled(),
    ),
    Scene(
        "/schemes/upto-then-plain",
        17,
        "a cheaper ceiling beside a plain offer",
        asks(offer(amount="1", **_UPTO), offer()),
        settled(),
    ),
    *(
        Scene(f"/extensions/{name}", 8, what, asks(extensions=extensions), settled())
        for name, what, extensions in _EXTENSIONS
    ),
)
