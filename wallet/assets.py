"""Networks, assets and contracts Purser knows, from `data/*.toml`; no challenge adds to them."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Network(_Row):
    """One chain: `id` is its CAIP-2 name, `v1_names` the x402 v1 aliases."""

    id: str = Field(pattern=r"^eip155:[1-9][0-9]{0,18}$")
    name: str
    v1_names: tuple[str, ...] = Field(default=(), strict=False)
    testnet: bool
    rpc_urls: tuple[str, ...] = Field(strict=False)
    explorer: str
    finality_margin_s: int = Field(ge=0)

    @property
    def chain_id(self) -> int:
        """Return the EIP-155 chain id."""
        return int(self.id.removeprefix("eip155:"))


class Asset(_Row):
    """One token contract: `eip712_name` and `eip712_version` are what its domain separator uses."""

    network: str
    address: str = Field(pattern=r"^0x[0-9a-fA-F]{40}$")
    symbol: str
    decimals: int = Field(ge=0, le=36)
    eip712_name: str
    eip712_version: str
    usd_pegged: bool


class Contract(_Row):
    """One contract that stands at the same address on every chain."""

    name: str
    address: str = Field(pattern=r"^0x[0-9a-fA-F]{40}$")


def _rows(name: str, key: str) -> list[dict[str, object]]:
    text = files("wallet").joinpath("data", name).read_text(encoding="utf-8")
    return tomllib.loads(text)[key]


@cache
def networks() -> dict[str, Network]:
    """Return every known network by CAIP-2 id."""
    return {row.id: row for row in map(Network.model_validate, _rows("networks.toml", "network"))}


@cache
def assets() -> dict[tuple[str, str], Asset]:
    """Return every known asset by (CAIP-2 id, lower-case contract address)."""
    rows = map(Asset.model_validate, _rows("assets.toml", "asset"))
    return {(row.network, row.address.lower()): row for row in rows}


@cache
def contracts() -> dict[str, Contract]:
    """Return every known contract by name."""
    rows = map(Contract.model_validate, _rows("contracts.toml", "contract"))
    return {row.name: row for row in rows}


def find_network(name: str) -> Network | None:
    """Look a network up by CAIP-2 id or x402 v1 alias; None when it is not in the table."""
    known = networks()
    if name in known:
        return known[name]
    return next((net for net in known.values() if name in net.v1_names), None)


def find_asset(network_id: str, address: str) -> Asset | None:
    """Look a token up by chain and contract address; symbols and names play no part."""
    return assets().get((network_id, address.lower()))
