"""A key as text, as an encrypted file, and unlocked; the one place that loads eth-account."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any

from wallet.errors import ErrorKind, PurserError
from wallet.hidden import Hidden
from wallet.loading import recursion_limit_kept
from wallet.rails.x402.evm import checksum_address
from wallet.signing.key import UnlockedKey

if TYPE_CHECKING:
    from eth_account import Account

# 64 MiB and about 0.4 s on a slow core, once for each start. The usual 2**18 takes four times as
# long on every start and guards a passphrase; this key should hold pocket money in any case.
SCRYPT_N = 2**16

_KEY = re.compile(r"(?:0x)?([0-9a-fA-F]{64})", re.ASCII)
_ADDRESS = re.compile(r"(?:0x)?([0-9a-fA-F]{40})", re.ASCII)


def secret_from(text: str, what: str, kind: ErrorKind = ErrorKind.INVALID_ARGUMENT) -> Hidden:
    """Read a key of 64 hex digits, with or without 0x; `what` says where the text is from.

    Raises:
        PurserError: of this kind, it is no key; the text is not quoted.
    """
    given, text = Hidden(text), ""  # some tracebacks show the locals of each frame
    secret = _digits(given)
    if secret is None:
        raise PurserError(kind, f"{what} is not a private key of 64 hex digits.")
    try:
        unlocked(secret)
    except ValueError:
        raise PurserError(kind, f"{what} is outside the range of secp256k1 keys.") from None
    return secret


def _digits(given: Hidden) -> Hidden | None:
    match = _KEY.fullmatch(given.text.strip())
    return None if match is None else Hidden(match.group(1))


def new_secret() -> Hidden:
    """Return a new random key."""
    while True:
        try:
            return secret_from(secrets.token_hex(32), "A random number")
        except PurserError:
            continue  # once in 2**128 the number lies outside the curve's range


def unlocked(secret: Hidden) -> UnlockedKey:
    """Return a key ready to sign."""
    return UnlockedKey(bytes.fromhex(secret.text))


def _account() -> type[Account]:
    with recursion_limit_kept():
        from eth_account import Account
    return Account


def encrypted(secret: Hidden, passphrase: Hidden) -> dict[str, Any]:
    """Return the Web3 Secret Storage (version 3) form of a key."""
    key = bytes.fromhex(secret.text)
    return _account().encrypt(key, passphrase.text, kdf="scrypt", iterations=SCRYPT_N)


def decrypted(fields: dict[str, Any], passphrase: Hidden) -> Hidden | None:
    """Return the key in a version 3 form, or None when this is not its passphrase.

    Raises:
        PurserError: WALLET_LOCKED, the form is damaged.
    """
    try:
        key = bytes(_account().decrypt(fields, passphrase.text))
        return secret_from(key.hex(), "The file")
    except (ValueError, TypeError, KeyError, AttributeError, PurserError) as error:
        wrong = "MAC mismatch" in str(error)
    if not wrong:
        raise _damaged("keystore.json")
    return None


def stored_address(address: object, name: str) -> str:
    """Return the EIP-55 form of the address in the file of this name.

    Raises:
        PurserError: WALLET_LOCKED, it is no address.
    """
    match = _ADDRESS.fullmatch(address) if isinstance(address, str) else None
    if match is None:
        raise _damaged(name)
    return checksum_address("0x" + match.group(1))


def _damaged(name: str) -> PurserError:
    return PurserError(ErrorKind.WALLET_LOCKED, f"{name} is damaged.")
