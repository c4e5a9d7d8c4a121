"""The wallet's file, `wallet.json` or `keystore.json`: read strictly, replaced in one step."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from wallet.errors import ErrorKind, PurserError
from wallet.files import make_private_folder, sync_folder, write_file, write_new_file

_ASIDE = ".new-"


class WalletExistsError(Exception):
    """There is a wallet already, and its key is never overwritten."""


def read_fields(path: Path) -> dict[str, Any]:
    """Return the file's JSON object.

    Raises:
        PurserError: WALLET_LOCKED, there is no such file or it is damaged.
    """
    try:
        fields = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise _locked("There is no wallet yet. Run `purser init`.") from None
    except OSError as error:
        raise _locked(f"{path.name} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError):
        raise _locked(f"{path.name} is damaged.") from None
    if not isinstance(fields, dict):
        raise _locked(f"{path.name} is damaged.")
    return cast("dict[str, Any]", fields)


def write_fields(path: Path, fields: dict[str, Any]) -> None:
    """Write a file that must not exist yet.

    Raises:
        WalletExistsError: it exists.
        PurserError: WALLET_LOCKED, it cannot be written.
    """
    try:
        make_private_folder(path.parent)
        write_file(path, _encoded(fields), replace=False)
    except FileExistsError:
        raise WalletExistsError(f"{path.name} exists already and is never overwritten") from None
    except OSError as error:
        raise _locked(f"{path.name} cannot be written: {error.strerror}.") from None


def replace_fields(
    path: Path, fields: dict[str, Any], opens: Callable[[dict[str, Any]], object]
) -> None:
    """Replace the file once the new one, read back from the disk, has been opened.

    Args:
        path: the file.
        fields: its new content.
        opens: raises unless what was read back is good.

    Raises:
        PurserError: WALLET_LOCKED, it cannot be written or does not open; the old one stays.
    """
    aside = path.with_name(f"{path.name}{_ASIDE}{secrets.token_hex(8)}")
    try:
        for left_over in path.parent.glob(f"{path.name}{_ASIDE}*"):
            left_over.unlink()
        write_new_file(aside, _encoded(fields))
        try:
            opens(read_fields(aside))
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise _locked(f"{path.name} cannot be written: {error.strerror}.") from None


def _encoded(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, indent=1).encode() + b"\n"


def _locked(detail: str) -> PurserError:
    return PurserError(ErrorKind.WALLET_LOCKED, detail)
