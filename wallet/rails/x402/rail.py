"""x402 v1 and v2 as one rail: `exact` by EIP-3009 or Permit2, and `upto` by Permit2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from wallet.exchange import WebResponse
from wallet.model import Challenge, Method, Offer, Purchase, SellerWord, Settlement, Transfer
from wallet.rails.base import Draft
from wallet.rails.freezing import freeze_transfer
from wallet.rails.x402.challenge import envelope_of, read_challenge
from wallet.rails.x402.offer import RAIL, facilitator_of
from wallet.rails.x402.offer_receipt import ReceiptCase, judge_offer, judge_receipt
from wallet.rails.x402.payment import build_headers
from wallet.rails.x402.settlement import (
    read_settlement,
    settlement_disagrees,
    settlement_extensions,
)


class X402Rail:
    """The x402 protocol; implements `wallet.rails.base.Rail`."""

    @property
    def name(self) -> str:
        """Return `x402`."""
        return RAIL

    def recognise(self, response: WebResponse) -> Challenge | None:
        """Decode a 402, or return None when it is not x402's.

        Raises:
            UnreadableChallengeError: it is x402's, and broken as a whole.
        """
        return read_challenge(response)

    def freeze(self, challenge: Challenge, offer: Offer, draft: Draft) -> Transfer:
        """Fix the terms of an authorization, whichever method the offer names; random nonce.

        Raises:
            CannotFreezeError: the token is not in the asset table, or nothing is known of the
                scheme or its transfer method.
        """
        transfer = freeze_transfer(offer, draft, "0x" + draft.random.hex())
        if transfer.method is Method.UPTO:
            return replace(transfer, facilitator=facilitator_of(offer))
        return transfer

    def payment_headers(
        self,
        challenge: Challenge,
        offer: Offer,
        transfer: Transfer,
        signature: str,
        payment_id: str,
    ) -> Mapping[str, str]:
        """Build `PAYMENT-SIGNATURE` (v2) or `X-PAYMENT` (v1); `signature` is 0x and 130 hex."""
        return build_headers(challenge, offer, transfer, signature, payment_id)

    def read_settlement(self, response: WebResponse) -> Settlement | None:
        """Read `PAYMENT-RESPONSE` or `X-PAYMENT-RESPONSE`; None when neither can be read."""
        return read_settlement(response)

    def disagreements(self, settlement: Settlement, transfer: Transfer) -> Sequence[str]:
        """Say, in our words, where a settlement response differs from what was signed."""
        return settlement_disagrees(settlement, transfer)

    def signed_offer(
        self, challenge: Challenge, offer: Offer, url: str, now_s: int
    ) -> SellerWord | None:
        """Check what the extension `offer-receipt` says of an offer; None when it says nothing."""
        return judge_offer(envelope_of(challenge).signed, offer, url, now_s)

    def signed_receipt(
        self, response: WebResponse, purchase: Purchase, now_s: int
    ) -> SellerWord | None:
        """Check the receipt of the extension `offer-receipt`; None when there is none."""
        if purchase.transfer is None:
            return None
        settlement = read_settlement(response)
        case = ReceiptCase(
            url=response.url,
            transfer=purchase.transfer,
            created_at=purchase.created_at,
            now_s=now_s,
            tx_hash=None if settlement is None else settlement.tx_hash,
        )
        return judge_receipt(settlement_extensions(response), case)
