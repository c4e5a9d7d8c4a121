"""Identities: purchase ids in order of time, purchase keys that never depend on the model."""

from __future__ import annotations

import hashlib
import json
import uuid

from wallet.exchange import WebRequest


def purchase_id(now_ms: int, entropy: bytes) -> str:
    """Return a UUIDv7 (RFC 9562 section 5.7) from unix milliseconds and 10 random bytes."""
    if len(entropy) != 10:
        raise ValueError("a purchase id takes 10 random bytes")
    value = (now_ms & (2**48 - 1)) << 80 | int.from_bytes(entropy, "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))


def approval_id(now_ms: int, entropy: bytes) -> str:
    """Return `ap_` and a UUIDv7 from unix milliseconds and 10 random bytes."""
    return "ap_" + purchase_id(now_ms, entropy)


def purchase_key(principal: str, request: WebRequest) -> str:
    """Derive the identity of a logical call (hex SHA-256): the same call has the same key.

    Principal, method, URL and body count; headers do not, so that a host which repeats a call
    with another header still meets its first purchase.
    """
    body_sha256 = hashlib.sha256(request.body).hexdigest()
    parts = [principal, request.method, request.url, body_sha256]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def payment_identifier(of_purchase: str) -> str:
    """Return the x402 `payment-identifier` of a purchase: `pay_` and 32 hex digits."""
    return "pay_" + uuid.UUID(of_purchase).hex
