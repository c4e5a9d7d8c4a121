"""See, before anything is signed, whether Permit2 may take a price, and what to do if not."""

from __future__ import annotations

from dataclasses import dataclass

from wallet.assets import Asset, contracts
from wallet.chain import Chain
from wallet.chain_answers import padded
from wallet.funds import read_soon
from wallet.methods import method_of
from wallet.model import Challenge, Method, Offer
from wallet.money import token_units
from wallet.rails.x402.gas_permit import takes_gas_permit

PERMIT_SCHEME = "permit2"
"""What the user has to enable before any permit is signed, under `upto` as well."""
APPROVE = "0x095ea7b3"
"""The first four bytes of the Keccak-256 of `approve(address,uint256)` (EIP-20)."""
UNREAD = "no RPC server says whether Permit2 may take the price from this wallet"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a payment through Permit2 needs beside its own signature.

    `permit_nonce` is that of a permit to sign along, None when none is needed. `missing` says, in
    our words, why the payment could not settle; then nothing is to be signed.
    """

    permit_nonce: int | None = None
    missing: str | None = None


class Allowances:
    """Reads the token's allowance for Permit2.

    Wallets have none until the user gives one, so one that cannot be read refuses: a payment that
    cannot settle would hold its amount until it lapsed.
    """

    def __init__(self, chain: Chain, schemes: tuple[str, ...]) -> None:
        self._chain = chain
        self._permits = PERMIT_SCHEME in schemes

    async def look(self, challenge: Challenge, offer: Offer, asset: Asset, owner: str) -> Allowance:
        """Return what an offer that policy allowed still needs; nothing, but through Permit2."""
        if method_of(offer) not in (Method.PERMIT2, Method.UPTO):
            return Allowance()
        allowed = await read_soon(self._chain, self._chain.permit2_allowance, asset, owner)
        if allowed is None:
            return Allowance(missing=UNREAD)
        if allowed >= offer.amount_atomic:
            return Allowance()
        if self._permits and takes_gas_permit(challenge):
            nonce = await read_soon(self._chain, self._chain.permit_nonce, asset, owner)
            return Allowance(missing=UNREAD) if nonce is None else Allowance(nonce)
        return Allowance(missing=_missing(asset, offer.amount_atomic, allowed))


def approval_data(amount_atomic: int) -> str:
    """Return the call data of `approve(Permit2, amount)`, sent to the token itself (EIP-20).

    `amount_atomic` takes the place of what was allowed before; 0 takes it back.
    """
    return APPROVE + "".join(
        padded(one)[2:] for one in (contracts()["permit2"].address, f"{amount_atomic:x}")
    )


def _missing(asset: Asset, amount_atomic: int, allowed_atomic: int) -> str:
    need, have = (token_units(one, asset.decimals) for one in (amount_atomic, allowed_atomic))
    return (
        f"the price is {need} {asset.symbol} and Permit2 may take {have} from this wallet; "
        f"approve {contracts()['permit2'].address} for {asset.symbol} from the wallet first"
    )
