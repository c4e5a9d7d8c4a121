"""A key, a passphrase and a query that must never be seen, and every form they could be seen in."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from sandbox.run import BUYER_KEY
from tests.end_to_end.hosting import authorization_of

PASSPHRASE = "canary passphrase - 4f1c9a"
QUERY = "canary-query-77b1"
LEDGER = "ledger.sqlite3"


def forms_of_bytes(secret: bytes) -> dict[str, str]:
    """Return how a secret of bytes looks in the ways a program may come to write it."""
    digits = secret.hex()
    return {
        "hex": digits,
        "HEX": digits.upper(),
        "hex reversed": digits[::-1],
        "bytes reversed": secret[::-1].hex(),
        "base64": base64.b64encode(secret).decode().rstrip("="),
        "base64, safe for URLs": base64.urlsafe_b64encode(secret).decode().rstrip("="),
        "base64 of the hex": base64.b64encode(digits.encode()).decode().rstrip("=")[:80],
        "base64 of 0x and hex": base64.b64encode(b"0x" + digits.encode()).decode()[:80],
        "decimal": str(int(digits, 16)),
        "repr": repr(secret)[2:-1],
        "list of numbers": str(list(secret))[1:-1],
        "raw": secret.decode("latin-1"),
    }


def key_forms() -> dict[str, str]:
    """Return every form of the canary key."""
    return forms_of_bytes(bytes.fromhex(BUYER_KEY.removeprefix("0x")))


def all_secrets(payments: list[str], *, query: bool = True) -> dict[str, str]:
    """Return every form of key, passphrase and query, and of each payment's signature."""
    found = {f"key as {name}": form for name, form in key_forms().items()}
    found |= {"passphrase": PASSPHRASE} | ({"query": QUERY} if query else {})
    found["passphrase as base64"] = base64.b64encode(PASSPHRASE.encode()).decode()
    for number, header in enumerate(payments):
        signature = bytes.fromhex(authorization_of(header)["signature"].removeprefix("0x"))
        forms = forms_of_bytes(signature)
        found |= {f"signature {number} as {name}": form for name, form in forms.items()}
        found[f"payment header {number}"] = header
    return found


def leaks(said: str | bytes, secrets: dict[str, str]) -> list[str]:
    """Return the names of the secrets that a text or a file holds."""
    text = said.decode("latin-1") if isinstance(said, bytes) else said
    return [name for name, secret in secrets.items() if secret in text]


def leaks_in_files(home: Path, secrets: dict[str, str]) -> list[str]:
    """Return what any file under a folder holds, as `file: secret`."""
    files = (path for path in home.rglob("*") if path.is_file())
    found: Iterator[list[str]] = (
        [f"{path.name}: {name}" for name in leaks(path.read_bytes(), secrets)] for path in files
    )
    return list(chain.from_iterable(found))
