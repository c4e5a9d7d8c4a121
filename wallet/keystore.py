"""Where the key lives: the system's keyring, an encrypted file, or a variable for tests and CI."""

from __future__ import annotations

import os
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from wallet.errors import ErrorKind, PurserError
from wallet.hidden import Hidden
from wallet.key_forms import decrypted, encrypted, new_secret, secret_from, stored_address, unlocked
from wallet.seal import Policy, Seal, is_check, make_seal, passes, read_seal
from wallet.signing.key import UnlockedKey
from wallet.system_keyring import drop_spare, read_entry, replace_entry, write_entry
from wallet.wallet_file import WalletExistsError, read_fields, replace_fields, write_fields

Source = Literal["keyring", "keystore", "env"]

KEY_VARIABLE = "PURSER_PRIVATE_KEY"
PASSPHRASE_VARIABLE = "PURSER_PASSPHRASE"  # noqa: S105 - the name of a variable
KEY_SERVICE = "purser"
PASSPHRASE_SERVICE = "purser-passphrase"  # noqa: S105 - the name of a keyring service
KEYSTORE_FILE = "keystore.json"
WALLET_FILE = "wallet.json"
SEAL_FIELD = "purser_seal"
SHORTEST_PASSPHRASE = 8
SHOWN_NAMES = 10


@dataclass(frozen=True, slots=True)
class Standing:
    """How a wallet's seal stands, as proven by opening its key.

    `open`: not sealed. `sealed`: the key is bound to `seal`; `differences` names the settings in
    force that are not as they were sealed. `broken`: seal and key do not belong together.
    `guarded` tells whether sealing anew and unsealing need the passphrase of the present seal.
    """

    state: Literal["open", "sealed", "broken"]
    seal: Seal | None
    differences: tuple[str, ...]
    guarded: bool


@dataclass(frozen=True, slots=True)
class _Stored:
    """A key as it is stored: `check` is of the seal's passphrase, None where none was bound.

    `file` is the wallet's file, and `seal` what lies there as the seal, if it can be read. `bound`
    tells that the key is bound to this very seal.
    """

    secret: Hidden
    address: str
    file: dict[str, Any]
    seal: Seal | None
    bound: bool
    check: str | None

    @property
    def state(self) -> Literal["open", "sealed", "broken"]:
        if self.bound:
            return "sealed"
        return "open" if self.check is None and SEAL_FIELD not in self.file else "broken"


class Keystore:
    """One wallet's key: its address at once, the key itself when asked to unlock.

    A variable that holds a secret is read here, once, and removed from the environment, so that
    no child process inherits it. (Linux still shows what the process was started with to the same
    user in `/proc`; the variables are for tests and CI.)

    Args:
        home: PURSER_HOME.
        source: the setting `wallet.key`.
        policy: the settings in force; without them a sealed wallet cannot be unlocked.
        ask_passphrase: asks the person at the terminal; None where there is none.
        environ: the environment to read from, by default the process's own.
    """

    def __init__(
        self,
        home: Path,
        source: Source,
        *,
        policy: Policy | None = None,
        ask_passphrase: Callable[[], str] | None = None,
        environ: MutableMapping[str, str] | None = None,
    ) -> None:
        if source not in get_args(Source):
            raise ValueError("wallet.key must be keyring, keystore or env")
        self._source: Source = source
        self._path = home / (KEYSTORE_FILE if source == "keystore" else WALLET_FILE)
        self._policy = policy
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
        return stored_address(read_fields(self._path).get("address"), self._path.name)

    def unlock(self) -> UnlockedKey:
        """Return the key, unless it is sealed under other settings than those in force.

        Raises:
            PurserError: WALLET_LOCKED, with what to do about it, or POLICY_CHANGED.
        """
        if self._source == "env":
            return self._from_variable()
        stored = self._stored()
        standing = self._standing(stored)
        if standing.state == "broken":
            raise _changed(
                f"The seal in {self._path.name} and the key do not belong together: it was "
                "changed, removed or only half made."
            )
        if standing.differences:
            names = ", ".join(standing.differences[:SHOWN_NAMES])
            more = ", and more" if len(standing.differences) > SHOWN_NAMES else ""
            raise _changed(f"Changed since the limits were sealed: {names}{more}.")
        return unlocked(stored.secret)

    def claimed_seal(self) -> Seal | None:
        """Return what lies beside the key as its seal, unproven; the key stays locked.

        Raises:
            PurserError: WALLET_LOCKED, there is no wallet yet or its file is damaged.
        """
        return None if self._source == "env" else _seal_in(read_fields(self._path))

    def standing(self) -> Standing:
        """Open the key and tell how its seal stands.

        Raises:
            PurserError: WALLET_LOCKED.
        """
        if self._source == "env":
            self._from_variable()
            return Standing("open", None, (), guarded=False)
        return self._standing(self._stored())

    def put_seal(self, passphrase: str, now: int) -> Seal:
        """Seal the settings in force as of `now` (unix seconds); a seal there is replaced.

        Args:
            passphrase: the present seal's, or else a new one of at least 12 characters.
            now: unix seconds.

        Raises:
            PurserError: INVALID_ARGUMENT, for another passphrase, one that is too short or opens
                the key as well, or for `env`, which binds nothing; WALLET_LOCKED.
        """
        if self._policy is None:
            raise ValueError("sealing needs the settings in force")
        stored = self._stored_for(passphrase)
        seal = make_seal(self._policy, passphrase, now)
        if self._source == "keystore":
            known = self._known_passphrase(stored.address)
            if known.text == passphrase:
                raise _invalid("The seal needs another passphrase than the keystore has.")
            self._replace_file(stored, seal, _bound_passphrase(known, seal))
        else:
            self._replace_file(stored, seal, None)
            entry = Hidden(f"{stored.secret.text}:{seal.check}:{seal.digest()}")
            replace_entry(KEY_SERVICE, stored.address, entry, spare=entry)
        if not self._stored().bound:
            raise _locked(f"{self._path.name} was changed by something else meanwhile.")
        return seal

    def remove_seal(self, passphrase: str) -> None:
        """Unbind the key, so that it is stored as a wallet without a seal stores it.

        Raises:
            PurserError: as `put_seal`.
        """
        stored = self._stored_for(passphrase)
        if self._source == "keystore":
            self._replace_file(stored, None, self._known_passphrase(stored.address))
            return
        if stored.check is not None:
            # The spare keeps the seal: what a crash leaves behind never loosens anything.
            spare = self._entry(stored.address)
            replace_entry(KEY_SERVICE, stored.address, stored.secret, spare)
        self._replace_file(stored, None, None)

    def create(self, passphrase: str | None = None) -> str:
        """Make a new key, store it, and return its address.

        Args:
            passphrase: for `keystore`; without one it is looked up as for unlocking.

        Raises:
            WalletExistsError: this home has such a wallet already.
            PurserError: WALLET_LOCKED, the key cannot be stored; INVALID_ARGUMENT for a passphrase
                that is too short, or for `env`, which stores nothing.
        """
        chosen, passphrase = _hidden(passphrase), None
        return self._store(new_secret(), chosen)

    def import_key(self, text: str, passphrase: str | None = None) -> str:
        """Store a key given as 64 hex digits, with or without 0x, and return its address.

        Raises:
            WalletExistsError: this home has such a wallet already.
            PurserError: as `create`, and INVALID_ARGUMENT for a text that is no key.
        """
        # Some tracebacks show the locals of each frame.
        given, text = Hidden(text), ""
        chosen, passphrase = _hidden(passphrase), None
        return self._store(secret_from(given.text, "The given text"), chosen)

    def _store(self, secret: Hidden, passphrase: Hidden | None) -> str:
        if self._source == "env":
            raise _invalid(f"wallet.key = env stores nothing; set {KEY_VARIABLE} yourself.")
        if self._path.exists():
            raise WalletExistsError(f"{self._path.name} exists already and is never overwritten")
        address = unlocked(secret).address
        if self._source == "keystore":
            content = encrypted(secret, self._new_passphrase(address, passphrase))
        else:
            write_entry(KEY_SERVICE, address, secret)
            content = {"address": address, "source": self._source}
        write_fields(self._path, content)
        return address

    def _standing(self, stored: _Stored) -> Standing:
        names: tuple[str, ...] = ()
        if stored.bound and stored.seal is not None:
            names = stored.seal.differences(self._policy or Policy({}))
        return Standing(stored.state, stored.seal, names, guarded=stored.check is not None)

    def _stored(self) -> _Stored:
        """Open the key where it is stored, and see whether it is bound to the seal there."""
        address, file = self.address(), read_fields(self._path)
        opened = self._in_keyring if self._source == "keyring" else self._in_file
        stored = opened(address, file, _seal_in(file))
        if unlocked(stored.secret).address != address:
            raise _locked("The stored key does not belong to the stored address.")
        return stored

    def _stored_for(self, passphrase: str) -> _Stored:
        """Return the stored key to whoever may change its seal."""
        if self._source == "env":
            raise _invalid(
                "wallet.key = env cannot be sealed: who sets the key's variable sets the limits."
            )
        stored = self._stored()
        if stored.check is not None and not passes(stored.check, passphrase):
            raise _invalid("That is not the seal's passphrase. Nothing was changed.")
        if self._source == "keyring":
            drop_spare(KEY_SERVICE, stored.address)
        return stored

    def _in_keyring(self, address: str, file: dict[str, Any], seal: Seal | None) -> _Stored:
        text, _, binding = self._entry(address).text.strip().partition(":")
        secret = secret_from(text, "The keyring's entry", ErrorKind.WALLET_LOCKED)
        check, _, digest = binding.partition(":")
        if binding and not is_check(check):
            raise _locked("The keyring's entry is damaged.")
        bound = bool(binding) and seal is not None and seal.digest() == digest
        return _Stored(secret, address, file, seal, bound, check or None)

    def _in_file(self, address: str, file: dict[str, Any], seal: Seal | None) -> _Stored:
        passphrase = self._known_passphrase(address)
        if seal is not None:
            secret = decrypted(file, _bound_passphrase(passphrase, seal))
            if secret is not None:
                return _Stored(secret, address, file, seal, True, seal.check)
        secret = decrypted(file, passphrase)
        if secret is None:
            or_seal = ", or the seal in it was changed" if SEAL_FIELD in file else ""
            raise _locked(f"The passphrase does not open {KEYSTORE_FILE}{or_seal}.")
        return _Stored(secret, address, file, seal, False, None)

    def _replace_file(self, stored: _Stored, seal: Seal | None, passphrase: Hidden | None) -> None:
        """Write the wallet's file with this seal or none, the key in it under this passphrase."""
        fields = stored.file if passphrase is None else encrypted(stored.secret, passphrase)
        fields = {name: value for name, value in fields.items() if name != SEAL_FIELD}
        if seal is not None:
            fields[SEAL_FIELD] = seal.fields()

        def opens(written: dict[str, Any]) -> None:
            secret = stored.secret if passphrase is None else decrypted(written, passphrase)
            if written != fields or secret is None or secret.text != stored.secret.text:
                raise _locked(f"{self._path.name} was not written well; the old one stays.")

        replace_fields(self._path, fields, opens)

    def _entry(self, address: str) -> Hidden:
        entry = read_entry(KEY_SERVICE, address)
        if entry is None:
            raise _locked(
                "The system's keyring has no key for this wallet. Restore it there, "
                f"or remove {WALLET_FILE} and run `purser init`."
            )
        return entry

    def _from_variable(self) -> UnlockedKey:
        if self._key is None:
            raise _locked(f"wallet.key is env, but {KEY_VARIABLE} is not set.")
        return unlocked(secret_from(self._key.text, KEY_VARIABLE, ErrorKind.WALLET_LOCKED))

    def _known_passphrase(self, address: str) -> Hidden:
        if self._passphrase is not None:
            return self._passphrase
        try:
            stored = read_entry(PASSPHRASE_SERVICE, address)
        except PurserError:
            stored = None
        if stored is not None:
            return stored
        if self._ask_passphrase is not None:
            self._passphrase = Hidden(self._ask_passphrase())
            return self._passphrase
        raise _locked(
            f"{KEYSTORE_FILE} is locked. Set {PASSPHRASE_VARIABLE}, or keep the passphrase in the "
            f"system's keyring: keyring set {PASSPHRASE_SERVICE} {address}"
        )

    def _new_passphrase(self, address: str, given: Hidden | None) -> Hidden:
        passphrase = self._known_passphrase(address) if given is None else given
        if len(passphrase.text) < SHORTEST_PASSPHRASE:
            raise _invalid(f"The passphrase needs at least {SHORTEST_PASSPHRASE} characters.")
        return passphrase


def _taken(environ: MutableMapping[str, str], name: str) -> Hidden | None:
    text = environ.pop(name, "")
    return Hidden(text) if text else None


def _hidden(text: str | None) -> Hidden | None:
    return None if text is None else Hidden(text)


def _bound_passphrase(passphrase: Hidden, seal: Seal) -> Hidden:
    """Return what opens a sealed keystore file: any other seal beside the key fails to."""
    return Hidden(f"{passphrase.text}:{seal.digest()}")


def _seal_in(fields: dict[str, Any]) -> Seal | None:
    try:
        return read_seal(fields.get(SEAL_FIELD))
    except ValueError:
        return None


def _locked(detail: str) -> PurserError:
    return PurserError(ErrorKind.WALLET_LOCKED, detail)


def _changed(detail: str) -> PurserError:
    return PurserError(ErrorKind.POLICY_CHANGED, detail)


def _invalid(detail: str) -> PurserError:
    return PurserError(ErrorKind.INVALID_ARGUMENT, detail)
