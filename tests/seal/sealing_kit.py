"""A keyring in memory, steps that can be cut short, and wallets to seal."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keyring.backend import KeyringBackend

from sandbox.run import BUYER, BUYER_KEY
from wallet.keystore import Keystore, Source
from wallet.seal import Policy

KEY, ADDRESS = BUYER_KEY.removeprefix("0x"), BUYER
PASSPHRASE = "opens the keystore"
SEAL_PASSPHRASE = "sealed for the voyage"
POLICY = Policy({"budget.per_day": "5.00", "hosts.mode": "allowlist", "hosts.deny": "[]"})
LOOSE = Policy({**POLICY.settings, "budget.per_day": "5000.00"})
NOW = 1_800_000_000
FILES = {"keyring": "wallet.json", "keystore": "keystore.json"}


class KilledError(BaseException):
    """Stands for a process that ends between two steps: nothing catches it."""


class Steps:
    """Counts the steps that change something, and ends the process before one of them."""

    def __init__(self) -> None:
        self.done = 0
        self.last: int | None = None

    def take(self) -> None:
        """Count one step, unless the process ended before it."""
        if self.last is not None and self.done >= self.last:
            raise KilledError
        self.done += 1


class StepKeyring(KeyringBackend):
    """A keyring that replaces an entry as macOS does: it deletes the old one first."""

    priority = 1  # pyright: ignore[reportAssignmentType]

    def __init__(self, steps: Steps | None = None) -> None:
        super().__init__()
        self.entries: dict[tuple[str, str], str] = {}
        self.steps = steps or Steps()

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if (service, username) in self.entries:
            self.delete_password(service, username)
        self.steps.take()
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self.steps.take()
        del self.entries[service, username]


def keys(home: Path, source: Source, policy: Policy | None = POLICY) -> Keystore:
    """Return the wallet of a home as a new process finds it, under these settings."""
    return Keystore(home, source, policy=policy, environ={"PURSER_PASSPHRASE": PASSPHRASE})


def sealed_wallet(home: Path, source: Source, policy: Policy = POLICY) -> Path:
    """Make a wallet of the sandbox's buyer, sealed under these settings."""
    keys(home, source).import_key(KEY, PASSPHRASE)
    keys(home, source, policy).put_seal(SEAL_PASSPHRASE, NOW)
    return home


def rewrite(home: Path, source: Source, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the wallet's file as a program of the same user could."""
    path = home / FILES[source]
    fields = json.loads(path.read_bytes())
    change(fields)
    path.write_text(json.dumps(fields), encoding="utf-8")
