"""Sign deposits and vouchers of the channels that the ledger has."""

from __future__ import annotations

from collections.abc import Callable

from wallet.assets import find_asset
from wallet.channels.model import LIVE_STATES, Channel, ChannelState
from wallet.model import Purchase, State
from wallet.rails.x402.batch.channel import SCHEME, Deposit, Voucher, channel_id
from wallet.signing.checked import CheckedDeposit, CheckedVoucher
from wallet.signing.key import SigningRefusedError, UnlockedKey


class ChannelSigner:
    """Signs deposits and vouchers of channels that the ledger has, and nothing else.

    A deposit or a page's voucher needs both: the terms that were checked, and a row of the ledger
    with these very terms, so neither the caller nor whoever can write the ledger's file chooses
    alone. `sign_reached` takes its one number from the ledger alone; what bounds it is said there.
    Calls block.

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
        return self._key.sign(CheckedDeposit(checked, asset))

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
        return self._key.sign(CheckedVoucher(checked))

    def sign_reached(self, identity: str) -> tuple[Voucher, str]:
        """Sign a voucher for what the ledger says the seller has charged, and no more.

        Nothing is compared here: the total is `charged_atomic` of the channel's row. It promises
        nothing new as long as that is right. If it is not, three things still bound it: the
        channel is live and its payer is this key, so the voucher is good in no other one; the
        contract pays out no more than was deposited; and the deposit is counted against the caps
        as a whole. Whoever can write the ledger's file can so give a seller the rest of a deposit
        that was made to it already, and nothing else.

        Raises:
            SigningRefusedError: the ledger has no such channel, or it has ended.
            LedgerUnavailableError: the channel cannot be read.
        """
        channel = self._channel(identity, LIVE_STATES)
        voucher = Voucher(channel.config, channel.charged_atomic)
        return voucher, self._key.sign(CheckedVoucher(voucher))

    def _channel(self, identity: str, states: tuple[ChannelState, ...]) -> Channel:
        channel = self._load_channel(identity)
        if channel is None or channel_id(channel.config) != identity:
            raise SigningRefusedError("the ledger has no such channel")
        if channel.state not in states:
            raise SigningRefusedError(f"the channel is {channel.state}")
        if channel.config.payer != self._key.address:
            raise SigningRefusedError("the payer of the channel is not this wallet")
        return channel
