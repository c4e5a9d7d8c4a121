"""Where the key lives: the system's keyring, an encrypted file, or a variable for tests and CI."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, cast, get_args

from wallet.errors import ErrorKind, PurserError
from wallet.files import make_private_folder, write_file
from wallet.loading import recursion_limit_kept
from wallet.rails.x402.evm import checksum_address
from wallet.signer import UnlockedKey

if TYPE_CHECKING:
    from eth_account import Account

Source = Literal["keyring", "keystore", "env"]

KEY_VARIABLE = "PURSER_PRIVATE_KEY"
PASSPHRASE_VARIABLE = "PURSER_PASSPHRASE"  # noqa: S105 - the name of a variable
KEY_SERVICE = "purser"
PASSPHRASE_SERVICE = "purser-passphrase"  # noqa: S105 - the name of a keyring service
KEYSTORE_FILE = "keystore.json"
WALLET_FILE = "wallet.json"
SHORTEST_PASSPHRASE = 8

# 64 MiB and about 0.4 s on a slow core, once for each start. The usual 2**18 takes four times as
# long on every start and guards a passphrase; this key should hold pocket money in any case.
SCRYPT_N = 2**16

_KEY = re.compile(r"(?:0x)?([0-9a-fA-F]{64})", re.ASCII)
_ADDRESS = re.compile(r"(?:0x)?([0-9a-fA-F]{40})", re.ASCII)


class WalletExistsError(Exception):
    """There is a wallet already, and its key is never overwritten."""


class _Hidden:
    """A secret text that shows in no repr and no pickle."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return "<hidden>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret cannot be copied or pickled")


class Keystore:
    """One wallet's key: its address at once, the key itself when asked to unlock.

    A variable that holds a secret is read here, once, and removed from the environment, so that
    no child process inherits it. (Linux still shows what the process was started with to the same
    user in `/proc`; the variables are for tests and CI.)

    Args:
        home: PURSER_HOME.
        source: the setting `wallet.key`.
        ask_passphrase: asks the person at the terminal; None where there is none.
        environ: the environment to read from, by default the process's own.
    """

    def __init__(
        self,
        home: Path,
        source: Source,
        *,
        ask_passphrase: Callable[[], str] | None = None,
        environ: MutableMapping[str, str] | None = None,
    ) -> None:
        if source not in get_args(Source):
            raise ValueError("wallet.key must be keyring, keystore or env")
        self._home = home
        self._source: Source = source
        self._ask_passphrase = ask_passphrase
        variables = os.environ if environ is None else environ
        self._key = _taken(variables, KEY_VARIABLE) if source == "env" else None
        self._passphrase = _taken(variables, PASSPHRASE_VARIABLE) if source == "keystore" else None

    def __repr__(self) -> str:
        return f"Keystore(source={self._source!r})"

    def address(self) -> str:
        """Return the EIP-55 address; only `env` needs the key for it.

        Raises:
            PurserError: WALLET_LOCKED, there is no wallet yet or its file is damaged.
        """
        if self._source == "env":
            return self.unlock().address
        name = KEYSTORE_FILE if self._source == "keystore" else WALLET_FILE
        return _checksummed(self._fields(name).get("address"), name)

    def unlock(self) -> UnlockedKey:
        """Return the key.

        Raises:
            PurserError: WALLET_LOCKED, with what to do about it.
        """
        if self._source == "env":
            return self._from_variable()
        address = self.address()
        key = self._from_keyring(address) if self._source == "keyring" else self._from_file(address)
        if key.address != address:
            raise _locked("The stored key does not belong to the stored address.")
        return key

    def create(self, passphrase: str | None = None) -> str:
        """Make a new key, store it, and return its address.

        Args:
            passphrase: for `keystore`; without one it is looked up as for unlocking.

        Raises:
            WalletExistsError: this home has such a wallet already.
            PurserError: WALLET_LOCKED, the key cannot be stored; INVALID_ARGUMENT for a passphrase
                that is too short, or for `env`, which stores nothing.
        """
        return self._store(_new_secret(), passphrase)

    def import_key(self, text: str, passphrase: str | None = None) -> str:
        """Store a key given as 64 hex digits, with or without 0x, and return its address.

        Raises:
            WalletExistsError: this home has such a wallet already.
            PurserError: as `create`, and INVALID_ARGUMENT for a text that is no key.
        """
        return self._store(_secret(text, "The given text"), passphrase)

    def _store(self, secret: _Hidden, passphrase: str | None) -> str:
        if self._source == "env":
            raise _invalid(f"wallet.key = env stores nothing; set {KEY_VARIABLE} yourself.")
        path = self._home / (KEYSTORE_FILE if self._source == "keystore" else WALLET_FILE)
        if path.exists():
            raise WalletExistsError(f"{path.name} exists already and is never overwritten")
        address = _unlocked(secret).address
        if self._source == "keystore":
            content = _encrypted(secret, self._new_passphrase(address, passphrase))
        else:
            _put_in_keyring(address, secret)
            content = {"address": address, "source": self._source}
        self._write(path, content)
        return address

    def _write(self, path: Path, content: dict[str, Any]) -> None:
        try:
            make_private_folder(self._home)
            write_file(path, json.dumps(content, indent=1).encode() + b"\n", replace=False)
        except FileExistsError:
            raise WalletExistsError(
                f"{path.name} exists already and is never overwritten"
            ) from None
        except OSError as error:
            raise _locked(f"{path.name} cannot be written: {error.strerror}.") from None

    def _from_variable(self) -> UnlockedKey:
        if self._key is None:
            raise _locked(f"wallet.key is env, but {KEY_VARIABLE} is not set.")
        return _unlocked(_secret(self._key.text, KEY_VARIABLE, ErrorKind.WALLET_LOCKED))

    def _from_keyring(self, address: str) -> UnlockedKey:
        stored = _get_from_keyring(KEY_SERVICE, address)
        if stored is None:
            raise _locked(
                "The system's keyring has no key for this wallet. Restore it there, "
                f"or remove {WALLET_FILE} and run `purser init`."
            )
        return _unlocked(_secret(stored.text, "The keyring's entry", ErrorKind.WALLET_LOCKED))

    def _from_file(self, address: str) -> UnlockedKey:
        fields = self._fields(KEYSTORE_FILE)
        return _decrypted(fields, self._known_passphrase(address))

    def _known_passphrase(self, address: str) -> _Hidden:
        if self._passphrase is not None:
            return self._passphrase
        try:
            stored = _get_from_keyring(PASSPHRASE_SERVICE, address)
        except PurserError:
            stored = None
        if stored is not None:
            return stored
        if self._ask_passphrase is not None:
            return _Hidden(self._ask_passphrase())
        raise _locked(
            f"{KEYSTORE_FILE} is locked. Set {PASSPHRASE_VARIABLE}, or keep the passphrase in the "
            f"system's keyring: keyring set {PASSPHRASE_SERVICE} {address}"
        )

    def _new_passphrase(self, address: str, given: str | None) -> _Hidden:
        passphrase = self._known_passphrase(address) if given is None else _Hidden(given)
        if len(passphrase.text) < SHORTEST_PASSPHRASE:
            raise _invalid(f"The passphrase needs at least {SHORTEST_PASSPHRASE} characters.")
        return passphrase

    def _fields(self, name: str) -> dict[str, Any]:
        try:
            fields = json.loads((self._home / name).read_bytes())
        except FileNotFoundError:
            raise _locked("There is no wallet yet. Run `purser init`.") from None
        except OSError as error:
            raise _locked(f"{name} cannot be read: {error.strerror}.") from None
        except (ValueError, RecursionError):
            raise _locked(f"{name} is damaged.") from None
        if not isinstance(fields, dict):
            raise _locked(f"{name} is damaged.")
        return cast("dict[str, Any]", fields)


def key_source(source: Source, home: Path) -> Keystore:
    """Return the wallet's key where `wallet.key` says it is, for a process without a terminal."""
    return Keystore(home, source)


def _taken(environ: MutableMapping[str, str], name: str) -> _Hidden | None:
    text = environ.pop(name, "")
    return _Hidden(text) if text else None


def _secret(text: str, what: str, kind: ErrorKind = ErrorKind.INVALID_ARGUMENT) -> _Hidden:
    match = _KEY.fullmatch(text.strip())
    if match is None:
        raise PurserError(kind, f"{what} is not a private key of 64 hex digits.")
    secret = _Hidden(match.group(1))
    try:
        _unlocked(secret)
    except ValueError:
        raise PurserError(kind, f"{what} is outside the range of secp256k1 keys.") from None
    return secret


def _new_secret() -> _Hidden:
    while True:
        try:
            return _secret(secrets.token_hex(32), "A random number")
        except PurserError:
            continue  # once in 2**128 the number lies outside the curve's range


def _unlocked(secret: _Hidden) -> UnlockedKey:
    return UnlockedKey(bytes.fromhex(secret.text))


def _account() -> type[Account]:
    with recursion_limit_kept():
        from eth_account import Account
    return Account


def _encrypted(secret: _Hidden, passphrase: _Hidden) -> dict[str, Any]:
    """Return the Web3 Secret Storage (version 3) form of a key."""
    key = bytes.fromhex(secret.text)
    return _account().encrypt(key, passphrase.text, kdf="scrypt", iterations=SCRYPT_N)


def _decrypted(fields: dict[str, Any], passphrase: _Hidden) -> UnlockedKey:
    try:
        return UnlockedKey(bytes(_account().decrypt(fields, passphrase.text)))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        wrong = "MAC mismatch" in str(error)
    raise _locked(
        f"The passphrase does not open {KEYSTORE_FILE}."
        if wrong
        else f"{KEYSTORE_FILE} is damaged."
    )


def _get_from_keyring(service: str, address: str) -> _Hidden | None:
    import keyring
    from keyring.errors import KeyringError

    try:
        stored = keyring.get_password(service, address)
    except (KeyringError, RuntimeError):
        raise _no_keyring() from None
    return None if stored is None else _Hidden(stored)


def _put_in_keyring(address: str, secret: _Hidden) -> None:
    import keyring
    from keyring.errors import KeyringError

    try:
        keyring.set_password(KEY_SERVICE, address, secret.text)
    except (KeyringError, RuntimeError):
        raise _no_keyring() from None
    kept = _get_from_keyring(KEY_SERVICE, address)
    if kept is None or kept.text != secret.text:
        raise _locked("The system's keyring does not keep what is stored in it.")


def _no_keyring() -> PurserError:
    return _locked(
        "The system's keyring is missing or locked. Unlock it, "
        'or set wallet.key = "keystore" and run `purser init`.'
    )


def _checksummed(address: object, name: str) -> str:
    match = _ADDRESS.fullmatch(address) if isinstance(address, str) else None
    if match is None:
        raise _locked(f"{name} is damaged.")
    return checksum_address("0x" + match.group(1))


def _locked(detail: str) -> PurserError:
    return PurserError(ErrorKind.WALLET_LOCKED, detail)


def _invalid(detail: str) -> PurserError:
    return PurserError(ErrorKind.INVALID_ARGUMENT, detail)
