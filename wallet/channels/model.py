"""The nouns of a channel: what was deposited, what was promised of it, and how it stands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from wallet.model import Evidence, Method, Transfer
from wallet.money import Usd
from wallet.rails.x402.batch.channel import COLLECTOR, ChannelConfig, Deposit, deposit_nonce

LONGEST_DECIMALS = 6
"""A token of a channel has at most so many, so that no price is ever rounded."""

NO_END = 253_402_300_799
"""`valid_before` of a voucher, the last second of the year 9999: it lasts as the deposit does."""

NOTHING = Usd(0)


class ChannelState(StrEnum):
    """Where a channel stands.

    OPENING -> OPEN -> CLOSING -> CLOSED. OPENING | CLOSING -> FAILED when the deposit can never
    be made any more. CLOSING signs nothing new; CLOSED is what the chain proved.
    """

    OPENING = "opening"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"
    FAILED = "failed"


LIVE_STATES = (ChannelState.OPENING, ChannelState.OPEN, ChannelState.CLOSING)


@dataclass(frozen=True, slots=True)
class Channel:
    """One row of the ledger. Times are unix seconds.

    `origin` and `host` are the seller's, as they answered 402. `charged_atomic` is what the seller
    acknowledged, `signed_max_atomic` the most that any voucher promised, `lent_usd` what pages
    hold or have settled of the deposit. `evidence` and `tx_hash` are the deposit's. `drained_at`
    is the block time at which the chain first showed that nothing is left to claim, and
    `claimed_atomic` what the payee had claimed in the end.
    """

    id: str
    principal: str
    origin: str
    host: str
    deposit: Deposit
    deposited_usd: Usd
    created_at: int
    state: ChannelState = ChannelState.OPENING
    evidence: Evidence = Evidence.UNKNOWN
    tx_hash: str | None = None
    charged_atomic: int = 0
    signed_max_atomic: int = 0
    lent_usd: Usd = NOTHING
    drained_at: int | None = None
    closed_at: int | None = None
    claimed_atomic: int | None = None
    note: str = ""

    @property
    def config(self) -> ChannelConfig:
        """Return the channel's immutable terms."""
        return self.deposit.channel

    @property
    def left_atomic(self) -> int:
        """Return what no acknowledged page has cost yet."""
        return self.deposit.amount_atomic - self.charged_atomic

    @property
    def spent_usd(self) -> Usd:
        """Return what its pages cost, as the seller acknowledged it.

        Exact, since no token of a channel has a unit that is less than a micro-dollar.
        """
        deposit = self.deposit.amount_atomic
        return Usd(self.charged_atomic * self.deposited_usd.micros // deposit)

    @property
    def held_usd(self) -> Usd:
        """Return what the channel itself holds of its deposit, beside its pages; 0 when ended."""
        if self.state not in LIVE_STATES:
            return NOTHING
        return self.deposited_usd.minus_floor_zero(self.lent_usd)


@dataclass(frozen=True, slots=True)
class Place:
    """What a page last cost where a further one lies: the seller's offer there, as JSON."""

    channel: Channel
    offer: str
    at: int


def deposit_transfer(deposit: Deposit) -> Transfer:
    """Return a deposit as the EIP-3009 transfer that its authorization makes on the chain."""
    return Transfer(
        network_id=deposit.channel.network_id,
        asset=deposit.channel.token,
        payer=deposit.channel.payer,
        pay_to=COLLECTOR,
        amount_atomic=deposit.amount_atomic,
        valid_after=0,
        valid_before=deposit.valid_before,
        nonce=deposit_nonce(deposit),
        method=Method.EIP3009,
    )


def page_transfer(config: ChannelConfig, price_atomic: int, nonce: bytes) -> Transfer:
    """Return what one page moves: its price, to the channel's payee, by voucher.

    `nonce` tells purchases apart; nothing on the wire has one.
    """
    return Transfer(
        network_id=config.network_id,
        asset=config.token,
        payer=config.payer,
        pay_to=config.receiver,
        amount_atomic=price_atomic,
        valid_after=0,
        valid_before=NO_END,
        nonce="0x" + nonce.hex(),
        method=Method.VOUCHER,
    )
