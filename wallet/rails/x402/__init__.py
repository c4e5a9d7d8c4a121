"""x402 versions 1 and 2: decode a challenge, build a payment, read a settlement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wallet.rails.x402.rail import X402Rail

__all__ = ["X402Rail"]


def __getattr__(name: str) -> Any:
    """Load the rail when it is asked for, so that its parts can be imported in any order."""
    if name == "X402Rail":
        from wallet.rails.x402.rail import X402Rail

        return X402Rail
    raise AttributeError(name)
