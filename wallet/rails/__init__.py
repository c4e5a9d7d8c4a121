"""Payment protocols, sans-IO: bytes in, bytes out; no HTTP, clock, randomness or disk."""
