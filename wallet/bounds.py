"""Names and bounds that settings and wallet share; read at the start, so it imports nothing."""

from __future__ import annotations

PAYMENT_FLOWS = ("authorization", "upfront", "escrow")
"""Every `paymentFlow` there is (x402 v2): when a seller takes the money."""

SHORTEST_DELAY_S, LONGEST_DELAY_S = 900, 2_592_000
"""How long a channel's payee may keep the rest back once a withdrawal began (x402 v2)."""
