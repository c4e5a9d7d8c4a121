"""The terms that every rail fixes alike; nonce and the end of a challenge are the rail's own."""

from __future__ import annotations

from wallet.assets import find_asset
from wallet.methods import way_of
from wallet.model import Method, Offer, Transfer
from wallet.rails.base import CannotFreezeError, Draft


def freeze_transfer(
    offer: Offer, draft: Draft, nonce: str, *, ends_at: int | None = None
) -> Transfer:
    """Fix payee and amount of the offer, our own table's token, and the shortest life of all.

    It is valid at once, and for as long as the seller wants and the user allows.

    Args:
        offer: what is paid.
        draft: who pays, and when.
        nonce: 0x and 64 hex digits.
        ends_at: the unix second in which the challenge ends, if it does.

    Raises:
        CannotFreezeError: the token is not in the asset table, or nothing here pays an offer like
            this by a transfer of its own.
    """
    asset = find_asset(offer.network_id or "", offer.asset)
    if asset is None:
        raise CannotFreezeError("the token contract is not a known one")
    way = way_of(offer)
    if way is None or way.method is Method.VOUCHER:
        raise CannotFreezeError("the payment scheme is not supported")
    ends = draft.now_s + min(draft.validity_s, offer.max_timeout_s)
    return Transfer(
        network_id=asset.network,
        asset=asset.address,
        payer=draft.payer,
        pay_to=offer.pay_to,
        amount_atomic=offer.amount_atomic,
        valid_after=0,
        valid_before=ends if ends_at is None else min(ends, ends_at),
        nonce=nonce,
        method=way.method,
    )
