"""Offers as directories write them, which may be in any unit: read strictly, or not at all.

A price comes from an amount of a token in our own table and from nothing else. Symbols, names,
decimals and dollar signs in an entry decide nothing; decimals that contradict the table make the
offer unreadable, because then nobody knows what its amount counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wallet.assets import find_asset, find_network
from wallet.model import Bill, Challenge, Foreign, Offer, UnreadableOffer
from wallet.money import Usd, parse_atomic, usd_from_atomic
from wallet.rails.codec import NumberLiteral, as_array, as_object
from wallet.rails.foreign import foreign_offer, table
from wallet.rails.foreign.prices import CENTS, charge_price
from wallet.rails.mpp.charge import DEFAULT_VALIDITY_S, INTENT
from wallet.rails.mpp.charge import RAIL as MPP
from wallet.rails.x402.evm import checksum_address, is_address
from wallet.rails.x402.offer import RAIL as X402
from wallet.rails.x402.offer import decode_offer

MAX_OFFERS = 10
_OURS = ("evm", "usdc")
_MAX_CHAIN_ID = 2**53 - 1


class _Unclear(Exception):
    """An offer that cannot be read; the text is one of the fixed reasons below."""


def x402_bill(accepts: object) -> Bill:
    """Read the `accepts` of an entry, of x402 v1 or v2 by the name of its amount."""
    entries = (as_array(accepts) or [])[:MAX_OFFERS]
    return _bill(X402, [_x402_offer(index, one) for index, one in enumerate(entries)])


def mpp_bill(offers: Sequence[object]) -> Bill:
    """Read MPP offers of a catalog or an OpenAPI document (draft-payment-discovery-01)."""
    read = [_mpp_offer(index, one) for index, one in enumerate(offers[:MAX_OFFERS])]
    ours = [one for one in read if not isinstance(one, Foreign)]
    foreign = tuple(dict.fromkeys(one for one in read if isinstance(one, Foreign)))
    return Bill(_bill(MPP, ours).challenges, foreign)


def stated_price(value: object) -> str | None:
    """Return the dollars that an `x-payment-info.price` states, such as `0.01 USD`.

    It is a decimal that no token stands behind, so it is shown as stated and never as the price.
    """
    price = as_object(value) or {}
    if price.get("currency") != "USD":
        return None
    if price.get("mode") == "fixed":
        amount = _dollars(price.get("amount"))
        return None if amount is None else f"{amount} USD"
    low, high = _dollars(price.get("min")), _dollars(price.get("max"))
    return None if low is None or high is None else f"{low} to {high} USD"


def price_of(offer: Offer) -> Usd | None:
    """Return an offer's price by our own table; None where it has none."""
    asset = None if offer.network_id is None else find_asset(offer.network_id, offer.asset)
    if asset is None or not asset.usd_pegged:
        return None
    try:
        return usd_from_atomic(offer.amount_atomic, asset.decimals)
    except ValueError:
        return None


def lowest_price(bill: Bill) -> Usd | None:
    """Return the lowest price among the offers that have one."""
    return min((p for p in map(price_of, bill.offers) if p is not None), default=None)


def why_no_price(bill: Bill) -> str | None:
    """Say in our words why the first offer has no price; None where there is no offer."""
    offer = next(iter(bill.offers), None)
    if offer is not None:
        foreign = foreign_offer(offer)
        asset = find_asset(offer.network_id or "", offer.asset)
        if foreign is not None:
            return foreign.reason
        if asset is None:
            return "its token is not in Purser's table"
        if not asset.usd_pegged:
            return "its token has no fixed price in USD"
        return "the amount is absurdly large"
    unreadable = (bad.reason for one in bill.challenges for bad in one.unreadable)
    return next(unreadable, next((one.reason for one in bill.foreign), None))


def on_network(bill: Bill, network: str) -> Bill:
    """Return the bill with the offers on one network alone."""
    challenges = (
        Challenge(
            one.rail,
            one.version,
            tuple(offer for offer in one.offers if offer.network_id == network),
            (),
        )
        for one in bill.challenges
    )
    return Bill(tuple(one for one in challenges if one.offers))


def _bill(rail: str, read: Sequence[Offer | UnreadableOffer]) -> Bill:
    if not read:
        return Bill(())
    offers = tuple(one for one in read if isinstance(one, Offer))
    unreadable = tuple(one for one in read if isinstance(one, UnreadableOffer))
    return Bill((Challenge(rail, 2 if rail == X402 else 1, offers, unreadable),))


def _x402_offer(index: int, entry: object) -> Offer | UnreadableOffer:
    fields = as_object(entry)
    if fields is None:
        return UnreadableOffer(index, "the offer is not an object")
    amount, most = fields.get("amount"), fields.get("maxAmountRequired")
    if amount is None and most is None:
        return UnreadableOffer(index, "no amount in the token's smallest unit is given")
    if amount is not None and most is not None and amount != most:
        return UnreadableOffer(index, "amount and maxAmountRequired differ")
    read = decode_offer(2 if most is None else 1, index, fields)
    if isinstance(read, Offer):
        extra = as_object(fields.get("extra")) or {}
        if _contradicts(read, fields) or _contradicts(read, extra):
            return UnreadableOffer(index, "it counts in other decimals than the token has")
    return read


def _contradicts(offer: Offer, fields: Mapping[str, Any]) -> bool:
    """Tell whether an entry names decimals that are not those of our table."""
    asset = find_asset(offer.network_id or "", offer.asset)
    stated = fields.get("decimals")
    return asset is not None and stated is not None and str(stated) != str(asset.decimals)


def _mpp_offer(index: int, entry: object) -> Offer | UnreadableOffer | Foreign:
    fields = as_object(entry)
    if fields is None:
        return UnreadableOffer(index, "the offer is not an object")
    intent, method = fields.get("intent"), fields.get("method")
    if not isinstance(intent, str) or not isinstance(method, str):
        return UnreadableOffer(index, "the offer names no intent or no method")
    if intent != INTENT:
        return table.MPP_INTENTS.get(intent, table.MPP_OTHER_INTENT).at(None)
    if method not in _OURS:
        return _foreign(method, fields)
    try:
        return _evm_offer(index, method, fields)
    except _Unclear as error:
        return UnreadableOffer(index, str(error))


def _foreign(method: str, fields: Mapping[str, Any]) -> Foreign:
    """Name a method that no local key pays, with its price where the unit is beyond doubt."""
    row = table.MPP_METHODS.get(method, table.MPP_OTHER)
    currency, decimals = fields.get("currency"), fields.get("decimals")
    known = table.TOKENS.get((method, currency.lower())) if isinstance(currency, str) else None
    ours = known[1] if known is not None else CENTS
    if decimals is not None and str(decimals) != str(ours):
        return row.at(None)
    return row.at(charge_price(method, fields))


def _evm_offer(index: int, method: str, fields: Mapping[str, Any]) -> Offer:
    details = as_object(fields.get("methodDetails")) or {}
    chain_id = fields.get("chainId", details.get("chainId"))
    if isinstance(chain_id, bool) or not isinstance(chain_id, int):
        raise _Unclear("it names no chain, so its token cannot be looked up")
    if not 0 < chain_id <= _MAX_CHAIN_ID:
        raise _Unclear("chainId is out of range")
    network = f"eip155:{chain_id}"
    known = find_network(network)
    offer = Offer(
        rail=MPP,
        version=1,
        index=index,
        scheme=INTENT,
        network=network,
        network_id=known.id if known else None,
        asset=_address(fields.get("currency"), "currency"),
        amount_atomic=_amount(fields.get("amount")),
        # A catalog need not say who is paid. Such an offer is only ever judged; it is never paid.
        pay_to=_address(fields["recipient"], "recipient") if "recipient" in fields else "",
        max_timeout_s=DEFAULT_VALIDITY_S,
        transfer_method="eip3009",
        payment_flow="authorization",
        extra_name=None,
        raw=fields,
    )
    asset = find_asset(network, offer.asset)
    if method == "usdc" and (asset is None or asset.symbol != "USDC"):
        raise _Unclear("currency is not the chain's native USDC")
    if _contradicts(offer, fields):
        raise _Unclear("it counts in other decimals than the token has")
    return offer


def _address(value: object, name: str) -> str:
    if not isinstance(value, str) or not is_address(value):
        raise _Unclear(f"{name} is not an address of 0x and 40 hex digits")
    return checksum_address(value)


def _amount(value: object) -> int:
    if value is None:
        raise _Unclear("the price depends on the request")
    try:
        amount_atomic = parse_atomic(value) if isinstance(value, str) else 0
    except ValueError:
        amount_atomic = 0
    if not amount_atomic:
        raise _Unclear("amount is not a string of digits")
    return amount_atomic


def _dollars(value: object) -> Usd | None:
    text = value.text if isinstance(value, NumberLiteral) else value
    if isinstance(text, bool) or not isinstance(text, str | int):
        return None
    try:
        return Usd.parse(str(text))
    except ValueError:
        return None
