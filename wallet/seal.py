"""The seal: under which settings a wallet's key may sign, and who may change them.

A seal is public. What makes it count is that the key is bound to its digest, in the place that
holds the key: `wallet.keystore` does that, and refuses the key to any other settings.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from wallet.errors import ErrorKind, PurserError

VERSION = 1
SHORTEST_SEAL_PASSPHRASE = 12

# 128 MiB and about half a second for each guess; only sealing and unsealing ever wait for it.
SCRYPT_N, SCRYPT_R, SCRYPT_P = 2**17, 8, 1
SALT_BYTES = 16

_CHECK = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{64})", re.ASCII)
_NAME = re.compile(r'[a-z_]{1,40}(?:\."[a-z0-9:-]{1,60}")?\.[a-z_]{1,40}', re.ASCII)


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings in force, as far as they are sealed: each name with its value as text.

    `at_default` names those whose value is this version's default.
    """

    settings: Mapping[str, str]
    at_default: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Seal:
    """What was sealed: when (unix seconds), the settings, and the check of the passphrase.

    `check` is salt and scrypt hash of the passphrase, in hex with a dot between.
    """

    sealed_at: int
    settings: Mapping[str, str]
    check: str = field(repr=False)

    def digest(self) -> str:
        """Return the SHA-256 of everything in the seal, as 64 hex digits."""
        text = json.dumps(self.fields(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def fields(self) -> dict[str, Any]:
        """Return the seal as JSON has it; `read_seal` reads it."""
        return {
            "version": VERSION,
            "sealed_at": self.sealed_at,
            "check": self.check,
            "settings": dict(self.settings),
        }

    def differences(self, policy: Policy) -> tuple[str, ...]:
        """Return the names of the settings that are not as they were sealed, in order.

        A setting that a later version of Purser brought, and the seal cannot know, must be at its
        default. One that is sealed and no longer set counts as changed.
        """
        now = policy.settings
        changed = {name for name, value in self.settings.items() if now.get(name) != value}
        added = now.keys() - self.settings.keys() - policy.at_default
        return tuple(sorted(changed | added))


def make_seal(policy: Policy, passphrase: str, now: int) -> Seal:
    """Seal these settings as of `now`, in unix seconds.

    Raises:
        PurserError: INVALID_ARGUMENT, the passphrase is too short.
    """
    if len(passphrase) < SHORTEST_SEAL_PASSPHRASE:
        detail = f"The seal's passphrase needs at least {SHORTEST_SEAL_PASSPHRASE} characters."
        raise PurserError(ErrorKind.INVALID_ARGUMENT, detail)
    salt = secrets.token_bytes(SALT_BYTES)
    check = f"{salt.hex()}.{_stretched(passphrase, salt).hex()}"
    return Seal(now, dict(policy.settings), check)


def is_check(text: str) -> bool:
    """Tell whether a text has the form of a passphrase's check."""
    return _CHECK.fullmatch(text) is not None


def passes(check: str, passphrase: str) -> bool:
    """Tell whether a passphrase is the one that a check was made from.

    Raises:
        ValueError: it is no check.
    """
    match = _CHECK.fullmatch(check)
    if match is None:
        raise ValueError("not a passphrase's check")
    made = _stretched(passphrase, bytes.fromhex(match[1]))
    return hmac.compare_digest(made, bytes.fromhex(match[2]))


def read_seal(data: object) -> Seal:
    """Read a seal as `Seal.fields` gives it, strictly.

    Raises:
        ValueError: it is not one, or of another version.
    """
    if not isinstance(data, dict):
        raise ValueError("not a seal")
    fields = cast("dict[str, Any]", data)
    sealed_at, check, settings = (fields.get(name) for name in ("sealed_at", "check", "settings"))
    if (
        fields.keys() != {"version", "sealed_at", "check", "settings"}
        or fields["version"] != VERSION
        or not (isinstance(sealed_at, int) and isinstance(check, str) and is_check(check))
        or not isinstance(settings, dict)
    ):
        raise ValueError("not a seal")
    values = cast("dict[str, object]", settings)
    texts = {name: value for name, value in values.items() if isinstance(value, str)}
    if len(texts) != len(values) or not all(map(_NAME.fullmatch, texts)):
        raise ValueError("not a seal")
    return Seal(sealed_at, texts, check)


def _stretched(passphrase: str, salt: bytes) -> bytes:
    text = unicodedata.normalize("NFKC", passphrase)
    room = 128 * SCRYPT_R * (SCRYPT_N + SCRYPT_P + 2)
    return hashlib.scrypt(
        text.encode(), salt=salt, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P, maxmem=room, dklen=32
    )
