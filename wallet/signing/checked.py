"""What a key may be put before: each kind is made by one signer, once the ledger bore it out.

Nothing outside this package makes or imports these; a test proves it.
"""

from __future__ import annotations

from dataclasses import dataclass

from wallet.assets import Asset
from wallet.model import Method, Transfer
from wallet.rails.x402.batch.channel import Deposit, Voucher, deposit_digest, voucher_digest
from wallet.signatures import personal_message_digest


@dataclass(frozen=True, slots=True)
class CheckedHold:
    """The terms of a held purchase, as `Signer` makes it.

    With `permit_nonce` it stands for the EIP-2612 permit beside the transfer, not for the transfer.
    """

    transfer: Transfer
    asset: Asset
    permit_nonce: int | None = None


@dataclass(frozen=True, slots=True)
class CheckedVoucher:
    """A voucher, as `ChannelSigner` makes it."""

    voucher: Voucher


@dataclass(frozen=True, slots=True)
class CheckedDeposit:
    """A deposit, as `ChannelSigner` makes it."""

    deposit: Deposit
    asset: Asset


@dataclass(frozen=True, slots=True)
class CheckedSignIn:
    """A text to sign in with, as `SignInSigner` makes it."""

    text: str


Checked = CheckedHold | CheckedVoucher | CheckedDeposit | CheckedSignIn
"""All that a key signs."""


def digest_of(checked: Checked) -> bytes:
    """Return the 32 bytes to sign.

    Raises:
        ValueError: the terms do not fit their types.
        KeyError: a method that is not in the table is not signed.
    """
    from wallet.rails.x402.eip712 import transfer_digest
    from wallet.rails.x402.gas_permit import gas_permit_digest
    from wallet.rails.x402.permit2 import permit2_digest

    if isinstance(checked, CheckedSignIn):
        return personal_message_digest(checked.text)
    if isinstance(checked, CheckedVoucher):
        return voucher_digest(checked.voucher)
    if isinstance(checked, CheckedDeposit):
        return deposit_digest(checked.deposit, checked.asset)
    if checked.permit_nonce is not None:
        return gas_permit_digest(checked.transfer, checked.asset, checked.permit_nonce)
    digests = {
        Method.EIP3009: transfer_digest,
        Method.PERMIT2: permit2_digest,
        Method.UPTO: permit2_digest,
    }
    return digests[checked.transfer.method](checked.transfer, checked.asset)
