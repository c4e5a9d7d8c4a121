"""`purser receipt`: one purchase, with everything that is known about it."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from server.commands.common import add_json, dollars, print_facts, print_json, run_wired
from server.commands.ids import RECEIPT, find_receipt

if TYPE_CHECKING:
    from server.wiring import Wired


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `purser receipt` takes."""
    parser.add_argument(
        "id",
        metavar="ID",
        help=RECEIPT.help(),
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Show the receipt; fail when there is none of that id."""

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
            print_facts(facts(data))
        return 0

    return run_wired(job, as_json=args.json)


def _parsed(text: str | None) -> Any:
    """Return what a seller signed as JSON again; it is the seller's text, for a person to show."""
    return None if text is None else json.loads(text)


def facts(data: dict[str, Any]) -> list[tuple[str, str]]:
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
        ("Explorer", _page(network, data["tx_hash"])),
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


def _page(network: Any, tx_hash: str | None) -> str | None:
    return None if network is None or tx_hash is None else network.explorer + tx_hash


def _content(delivery: dict[str, Any]) -> str:
    return f"HTTP {delivery['http_status']}, {delivery['content_type']}, {delivery['bytes']} bytes"
