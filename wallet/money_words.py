"""What an amount of money can be: one word for each thing, wherever a person or a model reads it.

Reports, `purser balance`, `purser channels`, the dashboard and the documentation take theirs here;
`check_balance` names its fields after them (`settled_usd` is what was spent).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MoneyWord:
    """A word, what it means, and the field that carries it in JSON, in US dollars."""

    word: str
    means: str
    field: str


SPENT = MoneyWord(
    "spent",
    "paid to a seller: *verified* was read from the chain, *claimed* is the seller's word",
    "settled_usd",
)
HELD = MoneyWord(
    "held",
    "set aside, counted against every limit, and later spent or freed: the three below together",
    "held_usd",
)
UNKNOWN = MoneyWord(
    "outcome unknown",
    "held for a payment that was signed and perhaps sent, until its outcome is proven",
    "unknown_usd",
)
UNSENT = MoneyWord("not sent", "held for a payment that is about to be signed", "not_sent_usd")
IN_CHANNELS = MoneyWord(
    "in channels",
    "held because it was deposited in a payment channel, and no page has taken it yet",
    "in_channels_usd",
)
FREED = MoneyWord(
    "freed", "was held, and is proven never to have been paid; it cost nothing", "freed_usd"
)
LEFT = MoneyWord(
    "left",
    "of a limit, what is neither spent nor held; of a channel, what no page has taken yet",
    "left_usd",
)
DEPOSITED = MoneyWord(
    "deposited", "put into a payment channel: no spending, but held", "deposited_usd"
)

WORDS = (SPENT, HELD, UNKNOWN, UNSENT, IN_CHANNELS, FREED, LEFT, DEPOSITED)
OPEN_PAYMENTS = "Open payments"
"""What a list of payments is called whose money is held: not sent, or of unknown outcome."""
