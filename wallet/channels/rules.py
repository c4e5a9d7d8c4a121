"""The user's limits for channels; read with the settings, so nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import dataclass

from wallet.money import Usd

DEFAULT_DEPOSIT = Usd(1_000_000)


@dataclass(frozen=True, slots=True)
class ChannelRules:
    """The user's limits for channels.

    A deposit is for `deposit_pages` pages of the price at hand and at most `max_deposit`;
    `max_withdraw_delay_s` is the longest that a seller may keep the rest from coming back.
    """

    max_deposit: Usd = DEFAULT_DEPOSIT
    deposit_pages: int = 100
    max_withdraw_delay_s: int = 86_400


DEFAULT_RULES = ChannelRules()
