"""Write the generated pages: `uv run python docs/generate.py PAGE...`, or no name for all."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from wallet.assets import assets, networks  # noqa: E402

_NETWORKS = """\
# Networks and tokens

Purser pays only with the tokens below, on the networks below. Nothing a seller sends adds to either
table. Which networks are in use is your choice: `wallet.networks` in `config.toml`, by CAIP-2 id;
the default is Base alone.

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


def _table(headings: list[str], rows: list[list[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


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
        networks=_table(net_headings, net_rows), tokens=_table(asset_headings, asset_rows)
    )


PAGES: dict[str, Callable[[], str]] = {
    "networks": networks_page,
}


def main(names: list[str]) -> None:
    """Write `docs/NAME.md` for each name, or for every page when none is given.

    Raises:
        SystemExit: a name is not a generated page.
    """
    unknown = sorted(set(names) - set(PAGES))
    if unknown:
        raise SystemExit(f"not a generated page: {', '.join(unknown)}; known: {', '.join(PAGES)}")
    for name in names or PAGES:
        (ROOT / "docs" / f"{name}.md").write_text(PAGES[name](), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
