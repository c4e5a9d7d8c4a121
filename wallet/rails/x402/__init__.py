"""x402 versions 1 and 2: decode a challenge, build a payment, read a settlement."""

from __future__ import annotations

from wallet.rails.x402.rail import X402Rail

__all__ = ["X402Rail"]
