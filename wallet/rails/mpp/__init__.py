"""MPP, the "Payment" HTTP authentication scheme: `evm` and `usdc` charges by authorization."""

from __future__ import annotations

from wallet.rails.mpp.rail import MppRail

__all__ = ["MppRail"]
