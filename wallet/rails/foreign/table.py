"""What each foreign dialect is called and what the user would need for it, in fixed words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wallet.model import Foreign


@dataclass(frozen=True, slots=True)
class Dialect:
    """One row: the rail it belongs to, its name, and what the user would need."""

    rail: str
    name: str
    needs: str

    def at(self, price: str | None) -> Foreign:
        """Return the dialect as it was met, with the price that could be read."""
        return Foreign(self.rail, self.name, price, self.needs)


L402 = Dialect("l402", "L402 (Lightning)", "it needs a Lightning wallet")
LSAT = Dialect("l402", "LSAT (Lightning)", "it needs a Lightning wallet")
PAY_PER_CRAWL = Dialect(
    "cloudflare",
    "Cloudflare pay-per-crawl",
    "it needs a crawler that is registered with Cloudflare and billed there",
)

MPP_METHODS: Mapping[str, Dialect] = {
    "card": Dialect("mpp", "MPP card", "it needs a payment card and a wallet that encrypts it"),
    "hedera": Dialect("mpp", "MPP hedera", "it needs a Hedera wallet"),
    "lightning": Dialect("mpp", "MPP lightning", "it needs a Lightning wallet"),
    "nearintents": Dialect("mpp", "MPP nearintents", "it needs a NEAR Intents account"),
    "solana": Dialect("mpp", "MPP solana", "it needs a Solana wallet"),
    "stellar": Dialect("mpp", "MPP stellar", "it needs a Stellar wallet"),
    "stripe": Dialect(
        "mpp", "MPP stripe", "it needs a Stripe account that issues shared payment tokens"
    ),
    "tempo": Dialect("mpp", "MPP tempo", "it needs a wallet with money on the Tempo chain"),
}
MPP_OTHER = Dialect("mpp", "an MPP method unknown to Purser", "it needs a wallet made for it")

MPP_INTENTS: Mapping[str, Dialect] = {
    "session": Dialect(
        "mpp",
        "an MPP session",
        "it needs a wallet that opens payment channels; the price is for each unit used",
    ),
    "subscription": Dialect(
        "mpp", "an MPP subscription", "it needs a wallet that lets the seller charge again"
    ),
}
MPP_OTHER_INTENT = Dialect(
    "mpp", "an MPP intent unknown to Purser", "it needs a wallet made for it"
)

X402_NETWORKS: Mapping[str, Dialect] = {
    "algorand": Dialect("x402", "x402 on Algorand", "it needs an Algorand wallet"),
    "aptos": Dialect("x402", "x402 on Aptos", "it needs an Aptos wallet"),
    "bip122": Dialect("x402", "x402 on Bitcoin", "it needs a Bitcoin wallet"),
    "cloudflare": Dialect(
        "x402",
        "Cloudflare deferred payment",
        "it needs a crawler that is registered with Cloudflare and billed there",
    ),
    "hedera": Dialect("x402", "x402 on Hedera", "it needs a Hedera wallet"),
    "near": Dialect("x402", "x402 on NEAR", "it needs a NEAR wallet"),
    "solana": Dialect("x402", "x402 on Solana", "it needs a Solana wallet"),
    "starknet": Dialect("x402", "x402 on Starknet", "it needs a Starknet wallet"),
    "stellar": Dialect("x402", "x402 on Stellar", "it needs a Stellar wallet"),
    "sui": Dialect("x402", "x402 on Sui", "it needs a Sui wallet"),
    "ton": Dialect("x402", "x402 on TON", "it needs a TON wallet"),
    "tron": Dialect("x402", "x402 on Tron", "it needs a Tron wallet"),
}
"""By CAIP-2 namespace, and by the plain names that x402 v1 uses before a hyphen."""
X402_OTHER_NETWORK = Dialect(
    "x402", "x402 on a network unknown to Purser", "it needs a wallet made for it"
)

GATEWAY = Dialect(
    "x402", "Circle Gateway", "it needs money that was put into Circle's Gateway before"
)
X402_SCHEMES: Mapping[str, Dialect] = {
    "auth-capture": Dialect(
        "x402", "x402 auth-capture", "it needs a wallet that puts money into an escrow"
    ),
    "deferred": Dialect("x402", "x402 deferred", "it needs an account that is billed later"),
}

TOKENS: Mapping[tuple[str, str], tuple[str, int]] = {
    ("solana", "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"): ("USDC", 6),
    ("solana", "4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU"): ("USDC", 6),
    ("solana", "sol"): ("SOL", 9),
    ("tempo", "0x20c0000000000000000000000000000000000000"): ("pathUSD", 6),
    ("tempo", "0x20c000000000000000000000b9537d11c60e8b50"): ("USDC", 6),
    ("tempo", "0x20c0000000000000000000006a37da5c996874be"): ("OUSD", 6),
}
"""Tokens whose amounts can be told: symbol and decimals, by method or namespace and address."""
