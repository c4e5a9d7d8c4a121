"""MPP as a rail: every `Payment` challenge of a 402 that a local key can pay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wallet.exchange import WebResponse
from wallet.model import (
    Challenge,
    Offer,
    Purchase,
    SellerWord,
    Settlement,
    Transfer,
    UnreadableOffer,
)
from wallet.rails.authenticate import AuthChallenge, parse_challenges
from wallet.rails.base import SHORTEST_VALIDITY_S, CannotFreezeError, Draft
from wallet.rails.freezing import freeze_transfer
from wallet.rails.mpp.challenge import (
    SCHEME,
    PaymentChallenge,
    UnusableChallengeError,
    method_and_intent,
    read_payment_challenge,
)
from wallet.rails.mpp.charge import RAIL, decode_charge, is_payable_kind
from wallet.rails.mpp.credential import build_credential, challenge_nonce
from wallet.rails.mpp.digest import matches_body
from wallet.rails.mpp.receipt import read_settlement, receipt_disagrees


@dataclass(frozen=True, slots=True)
class Asked:
    """The `Payment` challenges behind the offers of one 402."""

    challenges: tuple[PaymentChallenge, ...]


class MppRail:
    """The `Payment` authentication scheme; implements `wallet.rails.base.Rail`."""

    @property
    def name(self) -> str:
        """Return `mpp`."""
        return RAIL

    def recognise(self, response: WebResponse) -> Challenge | None:
        """Decode the challenges of method `evm` or `usdc` and intent `charge`, each on its own.

        None when there is no such challenge; other methods and intents are not for this rail.
        """
        found = [
            challenge
            for challenge in parse_challenges(response.values("WWW-Authenticate"))
            if challenge.scheme == SCHEME and _is_ours(challenge)
        ]
        if not found:
            return None
        decoded = [_decode(index, challenge) for index, challenge in enumerate(found)]
        pairs = [pair for pair in decoded if not isinstance(pair, UnreadableOffer)]
        return Challenge(
            rail=RAIL,
            version=1,
            offers=tuple(offer for offer, _ in pairs),
            unreadable=tuple(one for one in decoded if isinstance(one, UnreadableOffer)),
            context=Asked(tuple(challenge for _, challenge in pairs)),
        )

    def freeze(self, challenge: Challenge, offer: Offer, draft: Draft) -> Transfer:
        """Fix the terms of an authorization that is bound to the challenge and ends with it.

        Raises:
            CannotFreezeError: the challenge has expired, is for another body, or its token is not
                in the asset table.
        """
        asked = _asked(challenge, offer)
        if asked.digest is not None and not matches_body(asked.digest, draft.request.body):
            raise CannotFreezeError("the challenge is for a request with another body")
        nonce = challenge_nonce(asked.id, asked.realm)
        transfer = freeze_transfer(offer, draft, nonce, ends_at=asked.expires_at)
        if transfer.valid_before < draft.now_s + SHORTEST_VALIDITY_S:
            raise CannotFreezeError("the challenge has expired, or is about to")
        return transfer

    def payment_headers(
        self,
        challenge: Challenge,
        offer: Offer,
        transfer: Transfer,
        signature: str,
        payment_id: str,
    ) -> Mapping[str, str]:
        """Build `Authorization`, or `Payment-Authorization` where the challenge asks for that."""
        asked = _asked(challenge, offer)
        return {asked.header: build_credential(asked.echo, transfer, signature)}

    def read_settlement(self, response: WebResponse) -> Settlement | None:
        """Read `Payment-Receipt` or a problem of MPP's; None when there is neither."""
        return read_settlement(response)

    def disagreements(self, settlement: Settlement, transfer: Transfer) -> Sequence[str]:
        """Say, in our words, where a receipt differs from what was signed."""
        return receipt_disagrees(settlement, transfer.network_id)

    def signed_offer(
        self, challenge: Challenge, offer: Offer, url: str, now_s: int
    ) -> SellerWord | None:
        """Return None: MPP sellers sign no offers."""
        return None

    def signed_receipt(
        self, response: WebResponse, purchase: Purchase, now_s: int
    ) -> SellerWord | None:
        """Return None: MPP sellers sign no receipts."""
        return None


def _is_ours(challenge: AuthChallenge) -> bool:
    # One that names no method and intent is nobody else's either, and is kept with its reason.
    kind = method_and_intent(challenge)
    return kind is None or is_payable_kind(*kind)


def _decode(
    index: int, challenge: AuthChallenge
) -> tuple[Offer, PaymentChallenge] | UnreadableOffer:
    try:
        asked = read_payment_challenge(challenge)
    except UnusableChallengeError as error:
        return UnreadableOffer(index, str(error))
    offer = decode_charge(index, asked)
    return offer if isinstance(offer, UnreadableOffer) else (offer, asked)


def _asked(challenge: Challenge, offer: Offer) -> PaymentChallenge:
    """Return the `Payment` challenge that an offer was decoded from."""
    if isinstance(challenge.context, Asked):
        for one in challenge.context.challenges:
            if one.echo is offer.raw:
                return one
    raise AssertionError("the offer is not of this challenge")
