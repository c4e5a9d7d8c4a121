"""Offers that are well-formed x402 and that a local key cannot pay, with what they would take."""

from __future__ import annotations

import re

from wallet.model import Foreign, Offer
from wallet.rails.foreign import table
from wallet.rails.foreign.prices import cents_price, token_price

_CLOUDFLARE = "cloudflare"
_NAMESPACE = re.compile(r"[a-z0-9]+")


def foreign_offer(offer: Offer) -> Foreign | None:
    """Name what an offer would take where no setting makes it payable; None where one might."""
    if offer.transfer_method == "gateway":
        return table.GATEWAY.at(None)
    if offer.network_id is None:
        match = _NAMESPACE.match(offer.network.lower())
        namespace = match[0] if match else ""
        row = table.X402_NETWORKS.get(namespace, table.X402_OTHER_NETWORK)
        amount = str(offer.amount_atomic)
        if namespace == _CLOUDFLARE:
            return row.at(cents_price(offer.asset, amount))
        return row.at(token_price(namespace, offer.asset, amount))
    row = table.X402_SCHEMES.get(offer.scheme)
    return None if row is None else row.at(None)
