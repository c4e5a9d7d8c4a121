"""The generated page of networks and tokens."""

from __future__ import annotations

from page_parts import table

from wallet.assets import assets, networks

_NETWORKS = """\
# Networks and tokens

Purser pays only with the tokens below, on the networks below. Nothing a seller sends adds to either
table. Which networks are in use is your choice: `wallet.networks` in `config.toml`, by CAIP-2 id;
the default is Base alone. `purser networks` lists both tables, and with `--check` compares every
token with its contract, as your RPC servers show it.

## Networks

Sellers of x402 v2 name a network by its CAIP-2 id, sellers of v1 by the older name. The finality
margin is how long after an authorization has lapsed Purser waits, by the chain's clock, before an
unused nonce counts as proof that it was never spent.

{networks}

## Tokens

A token is known by its chain and contract address, never by its symbol. The EIP-712 name and
version are the ones its contract checks signatures against. A token that is not pegged to the US
dollar has no price in dollars here, so it cannot be weighed against a budget.

{tokens}
"""


def networks_page() -> str:
    """Return the page of networks and tokens, from `wallet/data/*.toml`."""
    net_rows = [
        [
            net.name,
            f"`{net.id}`",
            ", ".join(f"`{name}`" for name in net.v1_names) or "none",
            "yes" if net.testnet else "no",
            f"{net.finality_margin_s} s",
        ]
        for net in networks().values()
    ]
    asset_rows = [
        [
            networks()[asset.network].name,
            asset.symbol,
            f"`{asset.address}`",
            str(asset.decimals),
            f'"{asset.eip712_name}", "{asset.eip712_version}"',
            "yes" if asset.usd_pegged else "no",
        ]
        for asset in assets().values()
    ]
    net_headings = ["network", "CAIP-2 id", "x402 v1 names", "testnet", "finality margin"]
    asset_headings = ["network", "token", "contract", "decimals", "EIP-712 domain", "USD-pegged"]
    return _NETWORKS.format(
        networks=table(net_headings, net_rows), tokens=table(asset_headings, asset_rows)
    )
