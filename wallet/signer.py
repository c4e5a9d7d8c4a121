"""The only way to a signature: the transfer of a held purchase, read from the ledger."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NoReturn, Protocol

from wallet.assets import Asset, find_asset
from wallet.channels.model import LIVE_STATES, Channel, ChannelState
from wallet.methods import transfer_methods
from wallet.model import Method, Purchase, State, Transfer
from wallet.rails.x402.batch.channel import (
    SCHEME,
    Deposit,
    Voucher,
    channel_id,
    deposit_digest,
    voucher_digest,
)
from wallet.rails.x402.sign_in import SignIn, objection, sign_in_message
from wallet.signatures import personal_message_digest

_SIGNATURE = re.compile(r"0x[0-9a-fA-F]{128}(?:1[bB]|1[cC])", re.ASCII)


class SigningRefusedError(Exception):
    """The signer will not sign; the text is ours and never holds a key or a signature."""


@dataclass(frozen=True, slots=True)
class _CheckedHold:
    """Terms that `_check` has let through; nothing else makes one.

    With `permit_nonce` it stands for the EIP-2612 permit beside the transfer, not for the transfer.
    """

    transfer: Transfer
    asset: Asset
    permit_nonce: int | None = None


@dataclass(frozen=True, slots=True)
class _CheckedVoucher:
    """A voucher that `ChannelSigner` has let through; nothing else makes one."""

    voucher: Voucher


@dataclass(frozen=True, slots=True)
class _CheckedDeposit:
    """A deposit that `ChannelSigner` has let through; nothing else makes one."""

    deposit: Deposit
    asset: Asset


@dataclass(frozen=True, slots=True)
class _CheckedSignIn:
    text: str


Checked = _CheckedHold | _CheckedVoucher | _CheckedDeposit | _CheckedSignIn
"""Whatever this module has let through, and so a key signs."""


class UnlockedKey:
    """A private key in memory: opaque, and good only for holds that this module has checked.

    Args:
        secret: the 32 bytes of a secp256k1 key.

    Raises:
        ValueError: not 32 bytes, or outside the curve's range; the text never quotes the key.
    """

    __slots__ = ("_key", "address")

    def __init__(self, secret: bytes) -> None:
        from eth_keys.datatypes import PrivateKey
        from eth_utils.exceptions import ValidationError

        if len(secret) != 32:
            secret = b""  # some tracebacks show the locals of each frame
            raise ValueError("a private key has 32 bytes")
        try:
            self._key = PrivateKey(secret)
        except (ValidationError, ValueError):
            raise ValueError("the private key is outside the range of secp256k1") from None
        self.address: str = self._key.public_key.to_checksum_address()

    def sign(self, hold: Checked) -> str:
        """Sign what this module has checked, and check the signature.

        Raises:
            SigningRefusedError: the terms do not fit their types, or the signature is wrong.
        """
        try:
            digest = _digest(hold)
        except ValueError:
            raise SigningRefusedError("the hold's terms do not fit the transfer's types") from None
        signed = self._key.sign_msg_hash(digest)
        if signed.recover_public_key_from_msg_hash(digest) != self._key.public_key:
            raise SigningRefusedError("the signature does not recover to the wallet's address")
        return f"0x{signed.r:064x}{signed.s:064x}{signed.v + 27:02x}"

    def __repr__(self) -> str:
        address = getattr(self, "address", None)  # None while it is being made
        return f"UnlockedKey(address={address!r}, key=<hidden>)"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("an unlocked key cannot be copied or pickled")


class KeySource(Protocol):
    """Where the key lives; `wallet.keystore` has the three kinds there are."""

    def address(self) -> str:
        """Return the EIP-55 address, without unlocking where that is possible."""
        ...

    def unlock(self) -> UnlockedKey:
        """Return the key.

        Raises:
            PurserError: WALLET_LOCKED, with what to do about it.
        """
        ...


@dataclass(frozen=True, slots=True)
class SignedTransfer:
    """A signed transfer: a bearer cheque until `transfer.valid_before`.

    `signature` is 0x and 130 hex digits (r, s, v), with s in the lower half and v 27 or 28.
    """

    purchase_id: str
    transfer: Transfer
    signature: str = field(repr=False)


class Signer:
    """Signs purchases that the ledger holds, and nothing else.

    It takes an id and the terms that were checked, and signs where the ledger holds these very
    terms under that id: neither the caller nor whoever can write the ledger's file chooses alone.
    Calls block (a keystore may take half a second to open), so make them in a worker thread.

    Args:
        keys: the source of the key; it is asked once, at the first signature or `prepare`.
        load: reads one purchase from the ledger.
    """

    def __init__(self, keys: KeySource, load: Callable[[str], Purchase | None]) -> None:
        self._keys = keys
        self._load = load
        self._unlocked: UnlockedKey | None = None
        self._unlocking = threading.Lock()

    def __repr__(self) -> str:
        return "Signer(<hidden>)"

    def address(self) -> str:
        """Return the payer's EIP-55 address.

        Raises:
            PurserError: WALLET_LOCKED.
        """
        return self._keys.address()

    def prepare(self) -> None:
        """Unlock the key and load the curve library, so that the first signature is quick.

        Raises:
            PurserError: WALLET_LOCKED.
        """
        self._key()

    def sign(self, purchase_id: str, checked: Transfer) -> SignedTransfer:
        """Sign the transfer of a HELD purchase, under domains and contracts of our own tables.

        What is signed belongs to the transfer's method: EIP-3009, or a Permit2 witness transfer.

        Signing is deterministic (RFC 6979): the same hold always gives the same bytes.

        Args:
            purchase_id: the row to sign.
            checked: the transfer that the caps were checked on.

        Raises:
            SigningRefusedError: no such hold, other terms than those that were checked, not a
                transfer we sign, or not our payer.
            PurserError: WALLET_LOCKED.
            LedgerUnavailableError: the purchase cannot be read.
        """
        hold = _check(purchase_id, self._load(purchase_id), checked)
        return SignedTransfer(purchase_id, hold.transfer, self._sign(hold))

    def sign_permit(self, purchase_id: str, checked: Transfer, permit_nonce: int) -> str:
        """Sign the EIP-2612 permit that lets Permit2 take a HELD purchase's amount, and no more.

        It ends when the transfer does, and without the transfer's own signature it moves nothing.
        Returns 0x and 130 hex digits.

        Args:
            purchase_id: the row to sign for; its transfer goes through Permit2.
            checked: the transfer that the caps were checked on.
            permit_nonce: the payer's next permit nonce at the token. It may be wrong: then the
                permit is refused by the token.

        Raises:
            SigningRefusedError: as `sign`, or the transfer does not go through Permit2.
            PurserError: WALLET_LOCKED.
            LedgerUnavailableError: the purchase cannot be read.
        """
        hold = _check(purchase_id, self._load(purchase_id), checked)
        return self._sign(replace(hold, permit_nonce=permit_nonce))

    def sign_in(self, purchase_id: str, checked: SignIn) -> str:
        """Sign in (EIP-4361) at the site of a SETTLED purchase of this wallet.

        Raises:
            SigningRefusedError: no such purchase, another site's, or a field out of its form.
        """
        key = self._key()
        reason = objection(checked, self._load(purchase_id), key.address)
        if reason is not None:
            raise SigningRefusedError(reason)
        return key.sign(_CheckedSignIn(sign_in_message(checked, key.address)))

    def _sign(self, hold: _CheckedHold) -> str:
        key = self._key()
        if hold.transfer.payer != key.address:
            raise SigningRefusedError("the payer of the hold is not this wallet")
        return key.sign(hold)

    def _key(self) -> UnlockedKey:
        with self._unlocking:
            if self._unlocked is None:
                self._unlocked = self._keys.unlock()
            return self._unlocked


def _check(purchase_id: str, purchase: Purchase | None, checked: Transfer) -> _CheckedHold:
    if purchase is None or purchase.id != purchase_id:
        raise SigningRefusedError("the ledger has no such purchase")
    if purchase.state is not State.HELD:
        raise SigningRefusedError(f"the purchase is {purchase.state}, not held")
    if purchase.transfer is None:
        raise SigningRefusedError("the purchase has no transfer")
    if purchase.transfer != checked:
        raise SigningRefusedError("the transfer in the ledger is not the one that was checked")
    if purchase.transfer.method not in transfer_methods(purchase.rail, purchase.scheme):
        raise SigningRefusedError("the purchase's scheme is not signed by its method")
    asset = find_asset(purchase.transfer.network_id, purchase.transfer.asset)
    if asset is None:
        raise SigningRefusedError("the token is not in the asset table")
    return _CheckedHold(purchase.transfer, asset)


def _digest(checked: Checked) -> bytes:
    """Return the 32 bytes to sign; a method that is not in the table is not signed."""
    from wallet.rails.x402.eip712 import transfer_digest
    from wallet.rails.x402.gas_permit import gas_permit_digest
    from wallet.rails.x402.permit2 import permit2_digest

    if isinstance(checked, _CheckedSignIn):
        return personal_message_digest(checked.text)
    if isinstance(checked, _CheckedVoucher):
        return voucher_digest(checked.voucher)
    if isinstance(checked, _CheckedDeposit):
        return deposit_digest(checked.deposit, checked.asset)
    if checked.permit_nonce is not None:
        return gas_permit_digest(checked.transfer, checked.asset, checked.permit_nonce)
    digests = {
        Method.EIP3009: transfer_digest,
        Method.PERMIT2: permit2_digest,
        Method.UPTO: permit2_digest,
    }
    return digests[checked.transfer.method](checked.transfer, checked.asset)


class ChannelSigner:
    """Signs deposits and vouchers of channels that the ledger has, and nothing else.

    Like `Signer` it takes an id and the terms that were checked, and signs where the ledger has
    these very terms under that id. Calls block.

    Args:
        key: the wallet's key.
        load: reads one purchase from the ledger.
        load_channel: reads one channel from the ledger.
        open_page: reads the page of a channel that is under way.
    """

    def __init__(
        self,
        key: UnlockedKey,
        load: Callable[[str], Purchase | None],
        load_channel: Callable[[str], Channel | None],
        open_page: Callable[[str], Purchase | None],
    ) -> None:
        self._key = key
        self._load = load
        self._load_channel = load_channel
        self._open_page = open_page

    def __repr__(self) -> str:
        return "ChannelSigner(<hidden>)"

    def sign_deposit(self, checked: Deposit) -> str:
        """Sign the deposit of an OPENING channel whose first page is HELD.

        Raises:
            SigningRefusedError: the ledger has no such deposit to make.
            LedgerUnavailableError: the channel cannot be read.
        """
        channel = self._channel(channel_id(checked.channel), (ChannelState.OPENING,))
        page = self._open_page(channel.id)
        if channel.deposit != checked:
            raise SigningRefusedError("the deposit in the ledger is not the one that was checked")
        if page is None or page.state is not State.HELD:
            raise SigningRefusedError("no page of the channel is held")
        asset = find_asset(checked.channel.network_id, checked.channel.token)
        if asset is None:
            raise SigningRefusedError("the token is not in the asset table")
        return self._key.sign(_CheckedDeposit(checked, asset))

    def sign_voucher(self, purchase_id: str, checked: Voucher) -> str:
        """Sign the voucher of a HELD page; its total is the ledger's, and within the deposit.

        Raises:
            SigningRefusedError: the ledger has no such page, or it is no more than held.
            LedgerUnavailableError: the page or its channel cannot be read.
        """
        page = self._load(purchase_id)
        if page is None or page.id != purchase_id or page.channel_id is None:
            raise SigningRefusedError("the ledger has no such page")
        if page.state is not State.HELD or page.scheme != SCHEME:
            raise SigningRefusedError(f"the page is {page.state}, not held")
        channel = self._channel(page.channel_id, (ChannelState.OPENING, ChannelState.OPEN))
        if channel.config != checked.channel:
            raise SigningRefusedError("the voucher is another channel's")
        if page.cumulative_atomic != checked.max_claimable_atomic:
            raise SigningRefusedError("the voucher's total is not the page's")
        if checked.max_claimable_atomic > channel.signed_max_atomic:
            raise SigningRefusedError("the channel has not counted the voucher")
        return self._key.sign(_CheckedVoucher(checked))

    def sign_reached(self, identity: str) -> tuple[Voucher, str]:
        """Sign again for what a seller has acknowledged already: a voucher that promises nothing.

        Raises:
            SigningRefusedError: the ledger has no such channel, or it has ended.
            LedgerUnavailableError: the channel cannot be read.
        """
        channel = self._channel(identity, LIVE_STATES)
        voucher = Voucher(channel.config, channel.charged_atomic)
        return voucher, self._key.sign(_CheckedVoucher(voucher))

    def _channel(self, identity: str, states: tuple[ChannelState, ...]) -> Channel:
        channel = self._load_channel(identity)
        if channel is None or channel_id(channel.config) != identity:
            raise SigningRefusedError("the ledger has no such channel")
        if channel.state not in states:
            raise SigningRefusedError(f"the channel is {channel.state}")
        if channel.config.payer != self._key.address:
            raise SigningRefusedError("the payer of the channel is not this wallet")
        return channel


def signed_by(voucher: Voucher, signature: str) -> str | None:
    """Return the EIP-55 address that signed a voucher, or None where the text is no signature."""
    from eth_keys.datatypes import Signature
    from eth_keys.exceptions import BadSignature
    from eth_utils.exceptions import ValidationError

    if _SIGNATURE.fullmatch(signature) is None:
        return None
    raw = bytes.fromhex(signature[2:])
    try:
        read = Signature(raw[:64] + bytes([raw[64] - 27]))
        key = read.recover_public_key_from_msg_hash(voucher_digest(voucher))
    except (BadSignature, ValidationError, ValueError):
        return None
    return key.to_checksum_address()
