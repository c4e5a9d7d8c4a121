"""`purser networks`: list the table of networks and tokens, and compare it with the chains."""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from server.commands.common import add_json, print_json, print_table, say, usage

if TYPE_CHECKING:
    from server.settings import Settings
    from wallet.assets import Asset

AGREES, DIFFERS, UNREADABLE = "agrees", "differs", "cannot be read"
AT_ONCE = 8
_STYLES = {AGREES: "green", DIFFERS: "bold red", UNREADABLE: "yellow"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one RPC server's chain says of one row: `server` is its host, never its URL."""

    server: str
    result: str
    detail: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `purser networks` takes."""
    parser.add_argument(
        "--check",
        action="store_true",
        help="ask each configured RPC server for chain id, name, version, decimals and domain "
        "separator of each token; exits with 1 unless every row agrees",
    )
    parser.add_argument("--network", metavar="ID", help="this network alone, such as eip155:8453")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """List the rows; with `--check`, fail unless all of them agree with what was read."""
    import anyio

    from server.settings import load_settings
    from wallet.assets import assets, networks

    if args.network is not None and args.network not in networks():
        return usage("--network names no network of the table; `purser networks` lists them")
    settings = load_settings()
    wanted = [one for one in assets().values() if args.network in (None, one.network)]
    verdicts: list[list[Verdict]] | None = None
    if args.check:
        verdicts = anyio.run(_check_all, settings, wanted)
    rows = [_row(settings, asset) for asset in wanted]
    if args.json:
        if verdicts is not None:
            for row, found in zip(rows, verdicts, strict=True):
                row |= {"result": overall(found), "servers": [asdict(one) for one in found]}
        print_json(rows)
    else:
        _show(rows, verdicts)
    agreed = all(overall(found) == AGREES for found in verdicts or ())
    return 0 if agreed else 1


def _row(settings: Settings, asset: Asset) -> dict[str, Any]:
    from wallet.assets import networks

    network = networks()[asset.network]
    return {
        "network": network.id,
        "name": network.name,
        "testnet": network.testnet,
        "enabled": network.id in settings.wallet.networks,
        "v1_names": list(network.v1_names),
        "symbol": asset.symbol,
        "address": asset.address,
        "decimals": asset.decimals,
        "eip712_name": asset.eip712_name,
        "eip712_version": asset.eip712_version,
        "usd_pegged": asset.usd_pegged,
    }


def _show(rows: list[dict[str, Any]], verdicts: list[list[Verdict]] | None) -> None:
    headings = ["network", "name", "token", "address", "enabled"]
    cells = [
        [
            *(row["network"], row["name"], row["symbol"], row["address"]),
            "yes" if row["enabled"] else "no",
        ]
        for row in rows
    ]
    if verdicts is not None:
        headings.append("chain")
        for line, found in zip(cells, verdicts, strict=True):
            line.append(overall(found))
    print_table(headings, cells, styles=_STYLES)
    for line, found in zip(cells, verdicts or (), strict=False):
        for one in found:
            if one.result != AGREES:
                say(f"{line[0]} {line[2]}: {one.server} {one.detail}")


def overall(found: list[Verdict]) -> str:
    """Return the verdict of a row: one contradiction outweighs all, one agreement is enough."""
    results = {one.result for one in found}
    return next((one for one in (DIFFERS, AGREES) if one in results), UNREADABLE)


async def _check_all(settings: Settings, wanted: list[Asset]) -> list[list[Verdict]]:
    import anyio

    limiter = anyio.CapacityLimiter(AT_ONCE)
    found: list[list[Verdict]] = [[] for _ in wanted]

    async def check_row(at: int, asset: Asset) -> None:
        async with limiter:
            for url in settings.rpc_urls(asset.network):
                found[at].append(await check_token(asset, url))

    async with anyio.create_task_group() as group:
        for at, asset in enumerate(wanted):
            group.start_soon(check_row, at, asset)
    return found


async def check_token(asset: Asset, url: str) -> Verdict:
    """Compare one row of the table with its contract, as one RPC server shows it."""
    from urllib.parse import urlsplit

    from wallet.chain import Chain, ChainUnreadableError
    from wallet.token_facts import differences

    server = urlsplit(url).hostname or ""
    chain = Chain({asset.network: (url,)})
    try:
        found = differences(asset, await chain.token_facts(asset))
    except ChainUnreadableError as error:
        reason = "; ".join(error.reasons).removeprefix(f"{server} ")
        return Verdict(server, UNREADABLE, reason)
    finally:
        await chain.close()
    if found is None:
        return Verdict(server, UNREADABLE, "shows no domain separator or decimals")
    return Verdict(server, DIFFERS if found else AGREES, "; ".join(found))
