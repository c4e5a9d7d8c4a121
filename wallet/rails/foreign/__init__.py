"""Payment dialects that a local key cannot pay: recognised, priced where plain, and explained."""

from __future__ import annotations

from wallet.rails.foreign.dialects import foreign_dialects, seen_instead
from wallet.rails.foreign.offers import foreign_offer

__all__ = ["foreign_dialects", "foreign_offer", "seen_instead"]
