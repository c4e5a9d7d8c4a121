"""`purser receipt`: one purchase, with everything that is known about it, or what was bought."""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from server.commands.common import (
    add_json,
    dollars,
    print_facts,
    print_json,
    run_wired,
    say,
    usage,
)
from server.commands.content import (
    Body,
    Shown,
    add_content_arguments,
    output_problem,
    print_content,
    show,
    write_content,
)
from server.commands.ids import RECEIPT, find_receipt
from wallet.errors import ErrorKind, PurserError

if TYPE_CHECKING:
    from server.settings import Settings
    from server.wiring import Wired
    from tools.arguments import ContentFormat
    from wallet.assets import Network
    from wallet.model import Purchase


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `purser receipt` takes."""
    parser.add_argument(
        "id",
        metavar="ID",
        help=RECEIPT.help(),
    )
    parser.add_argument(
        "--content",
        action="store_true",
        help="show what was bought instead, from what is stored; never pays",
    )
    add_content_arguments(parser, when_to_files="--output")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Show the receipt, or the content; fail when there is none of that id."""
    if args.content:
        problem = output_problem(args.output, force=args.force)
        if args.json:
            problem = "--content is written as it is; --json goes with the receipt"
        return run_wired(partial(_show_content, args=args)) if problem is None else usage(problem)
    if args.output is not None or args.format is not None or args.force:
        return usage("--output, --format and --force go with --content")

    async def job(wired: Wired) -> int:
        from wallet.receipts import receipt

        purchase = await wired.parts.ledger.call(lambda ledger: find_receipt(ledger, args.id))
        data = receipt(purchase)
        offer, signed = await wired.parts.ledger.call(
            lambda ledger: ledger.signed_words(purchase.id)
        )
        data["seller_offer"], data["seller_receipt"] = _parsed(offer), _parsed(signed)
        if args.json:
            print_json(data)
        else:
            print_facts(facts(data, wired.settings))
        return 0

    return run_wired(job, as_json=args.json)


async def _show_content(wired: Wired, *, args: argparse.Namespace) -> int:
    import anyio.to_thread

    purchase = await wired.parts.ledger.call(lambda ledger: find_receipt(ledger, args.id))
    wanted: ContentFormat = args.format or ("auto" if args.output is None else "raw")
    shown = await anyio.to_thread.run_sync(partial(_stored, wired, purchase, wanted))
    if args.output is None:
        print_content(shown)
        return 0
    if not write_content(args.output, shown.data, force=args.force):
        return 1
    say(f"{len(shown.data)} bytes written.", sys.stderr)
    return 0


def _stored(wired: Wired, purchase: Purchase, wanted: ContentFormat) -> Shown:
    from tools.read_purchase import nothing_stored
    from wallet.purchases import DamagedPurchaseError

    try:
        stored = wired.toolbox.shelf.load(purchase.id)
    except DamagedPurchaseError:
        detail = "What is stored for this purchase is damaged."
        raise PurserError(ErrorKind.INTERNAL_ERROR, detail, receipt_id=purchase.id) from None
    if stored is None:
        raise nothing_stored(purchase)
    return show(Body(stored.body, stored.delivery.content_type, purchase.url), wanted)


def _parsed(text: str | None) -> Any:
    """Return what a seller signed as JSON again; it is the seller's text, for a person to show."""
    return None if text is None else json.loads(text)


def facts(data: dict[str, Any], settings: Settings) -> list[tuple[str, str]]:
    """Return a receipt as names and values; what it does not have is left out."""
    from wallet.assets import find_network

    asset, delivery = data["asset"], data["delivery"]
    network = find_network(data["network"] or "")
    paid = data["status"] != "free"
    rows: list[tuple[str, str | None]] = [
        ("Receipt", data["id"]),
        ("Status", f"{data['status']} (evidence: {data['evidence']})"),
        ("Money moved", data["spent"]),
        ("Amount", dollars(data["amount_usd"])),
        ("Request", f"{data['method']} {data['resource']}"),
        ("Created", data["created_at"]),
        ("Settled", data["settled_at"]),
        ("Paid to", data["pay_to"]),
        ("Paid from", data["payer"]),
        ("Token", None if asset is None else f"{asset['symbol']} {asset['address']}"),
        ("Atomic units", data["amount_atomic"] if paid else None),
        ("Network", None if network is None else f"{network.name} ({network.id})"),
        ("Protocol", f"{data['rail']}, {data['scheme']}" if paid else None),
        ("Nonce", data["nonce"]),
        ("Valid until", data["valid_before"]),
        ("Transfer", data["tx_hash"]),
        ("Explorer", explorer_page(settings, network, data["tx_hash"])),
        ("Content", None if delivery is None else _content(delivery)),
        ("SHA-256", None if delivery is None else delivery["sha256"]),
        *(("Note", note) for note in data["notes"]),
        ("Signed by the seller", _signed(data)),
    ]
    return [(name, value) for name, value in rows if value is not None]


def _signed(data: dict[str, Any]) -> str | None:
    """Name what the seller signed; a bare receipt of a fetch may lack both."""
    names = {"seller_offer": "offer", "seller_receipt": "receipt"}
    kept = [word for name, word in names.items() if data.get(name) is not None]
    return f"{' and '.join(kept)}, shown by --json" if kept else None


def explorer_page(settings: Settings, network: Network | None, tx_hash: str | None) -> str | None:
    """Return the public page of a transaction; None when it is on a chain of this machine alone."""
    if network is None or tx_hash is None:
        return None
    servers = [urlsplit(url).hostname or "" for url in settings.rpc_urls(network.id)]
    return None if any(map(_is_loopback, servers)) else network.explorer + tx_hash


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _content(delivery: dict[str, Any]) -> str:
    return f"HTTP {delivery['http_status']}, {delivery['content_type']}, {delivery['bytes']} bytes"
