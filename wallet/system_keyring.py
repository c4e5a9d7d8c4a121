"""Secrets in the operating system's keyring, read back after each write."""

from __future__ import annotations

from wallet.errors import ErrorKind, PurserError
from wallet.hidden import Hidden

SPARE = "-spare"
"""Ends the name of the service that holds an entry while it is being replaced."""


def read_entry(service: str, name: str) -> Hidden | None:
    """Return an entry, or None when there is none.

    When a replacement was cut short and the entry is gone, this is its spare.

    Raises:
        PurserError: WALLET_LOCKED, the keyring cannot be used.
    """
    return _read(service, name) or _read(service + SPARE, name)


def write_entry(service: str, name: str, secret: Hidden) -> None:
    """Store an entry and read it back.

    Raises:
        PurserError: WALLET_LOCKED, the keyring cannot be used or does not keep the entry.
    """
    import keyring
    from keyring.errors import KeyringError

    try:
        keyring.set_password(service, name, secret.text)
    except (KeyringError, RuntimeError):
        raise _no_keyring() from None
    kept = _read(service, name)
    if kept is None or kept.text != secret.text:
        raise _locked("The system's keyring does not keep what is stored in it.")


def replace_entry(service: str, name: str, secret: Hidden, spare: Hidden) -> None:
    """Replace an entry so that a crash at any moment leaves it, the new one or the spare.

    Some keyrings delete an entry before they store its successor. A spare that could not be
    removed is an error, because `read_entry` would fall back on it one day.

    Raises:
        PurserError: WALLET_LOCKED, the keyring cannot be used or does not keep the entry.
    """
    write_entry(service + SPARE, name, spare)
    write_entry(service, name, secret)
    drop_spare(service, name)


def drop_spare(service: str, name: str) -> None:
    """Remove what a replacement that was cut short has left behind; the entry itself is there.

    Raises:
        PurserError: WALLET_LOCKED, the keyring cannot be used or keeps the spare.
    """
    import keyring
    from keyring.errors import KeyringError

    if _read(service, name) is None or _read(service + SPARE, name) is None:
        return
    try:
        keyring.delete_password(service + SPARE, name)
    except (KeyringError, RuntimeError):
        detail = f"The system's keyring does not remove the entry {service + SPARE}; do it there."
        raise _locked(detail) from None


def _read(service: str, name: str) -> Hidden | None:
    import keyring
    from keyring.errors import KeyringError

    try:
        stored = keyring.get_password(service, name)
    except (KeyringError, RuntimeError):
        raise _no_keyring() from None
    return None if stored is None else Hidden(stored)


def _no_keyring() -> PurserError:
    return _locked(
        "The system's keyring is missing or locked. Unlock it, "
        'or set wallet.key = "keystore" and run `purser init`.'
    )


def _locked(detail: str) -> PurserError:
    return PurserError(ErrorKind.WALLET_LOCKED, detail)
