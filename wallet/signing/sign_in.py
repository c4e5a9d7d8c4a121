"""Sign in where a purchase of this wallet was settled."""

from __future__ import annotations

from collections.abc import Callable

from wallet.model import Purchase
from wallet.rails.x402.sign_in import SignIn, objection, sign_in_message
from wallet.signing.checked import CheckedSignIn
from wallet.signing.key import SigningRefusedError, UnlockedKey


class SignInSigner:
    """Signs in (EIP-4361) at sites that the ledger shows as paid, and signs nothing else.

    The text is made here, of fields whose forms are fixed. Calls block.

    Args:
        key: the wallet's key.
        load: reads one purchase from the ledger.
    """

    def __init__(self, key: UnlockedKey, load: Callable[[str], Purchase | None]) -> None:
        self._key = key
        self._load = load

    def __repr__(self) -> str:
        return "SignInSigner(<hidden>)"

    def sign(self, purchase_id: str, checked: SignIn) -> str:
        """Sign in at the site of a SETTLED purchase of this wallet; 0x and 130 hex digits.

        Raises:
            SigningRefusedError: no such purchase, another site's, or a field out of its form.
            LedgerUnavailableError: the purchase cannot be read.
        """
        reason = objection(checked, self._load(purchase_id), self._key.address)
        if reason is not None:
            raise SigningRefusedError(reason)
        return self._key.sign(CheckedSignIn(sign_in_message(checked, self._key.address)))
