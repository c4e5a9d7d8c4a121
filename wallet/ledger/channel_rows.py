"""How a channel is written as a row and read back."""

from __future__ import annotations

import sqlite3

from wallet.channels.model import Channel, ChannelState
from wallet.ledger.base import LedgerUnavailableError
from wallet.model import Evidence
from wallet.money import Usd
from wallet.rails.x402.batch.channel import ChannelConfig, Deposit

Values = dict[str, str | int | None]


def channel_from_row(row: sqlite3.Row) -> Channel:
    """Read a whole row of `channels`.

    Raises:
        LedgerUnavailableError: the row holds something no ledger writes.
    """
    try:
        config = ChannelConfig(
            network_id=row["network_id"],
            payer=row["payer"],
            receiver=row["receiver"],
            receiver_authorizer=row["receiver_authorizer"],
            token=row["token"],
            withdraw_delay_s=row["withdraw_delay_s"],
            salt=row["salt"],
        )
        return Channel(
            id=row["id"],
            principal=row["principal"],
            origin=row["origin"],
            host=row["host"],
            deposit=Deposit(
                channel=config,
                amount_atomic=row["deposited_atomic"],
                valid_before=row["deposit_valid_before"],
                salt=row["deposit_salt"],
            ),
            deposited_usd=Usd(row["deposited_usd_micros"]),
            created_at=row["created_at"],
            state=ChannelState(row["state"]),
            evidence=Evidence(row["evidence"]),
            tx_hash=row["tx_hash"],
            charged_atomic=row["charged_atomic"],
            signed_max_atomic=row["signed_max_atomic"],
            lent_usd=Usd(row["lent_usd_micros"]),
            drained_at=row["drained_at"],
            closed_at=row["closed_at"],
            claimed_atomic=row["claimed_atomic"],
            note=row["note"],
        )
    except (ValueError, TypeError):
        raise LedgerUnavailableError("the ledger file is damaged") from None


def terms_values(channel: Channel) -> Values:
    """Return the columns that are written once and never change."""
    config, deposit = channel.config, channel.deposit
    return {
        "id": channel.id,
        "principal": channel.principal,
        "origin": channel.origin,
        "host": channel.host,
        "network_id": config.network_id,
        "payer": config.payer,
        "receiver": config.receiver,
        "receiver_authorizer": config.receiver_authorizer,
        "token": config.token,
        "withdraw_delay_s": config.withdraw_delay_s,
        "salt": config.salt,
        "deposit_salt": deposit.salt,
        "deposit_valid_before": deposit.valid_before,
        "deposited_atomic": deposit.amount_atomic,
        "deposited_usd_micros": channel.deposited_usd.micros,
        "created_at": channel.created_at,
    }
