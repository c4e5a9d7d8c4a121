"""Bought bodies on disk: stored before they are returned, and free to read again."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wallet.errors import ErrorKind, PurserError
from wallet.files import make_private_folder, sync_folder, write_file, write_new_file
from wallet.model import Delivery

ROOM_TO_SPARE_BYTES = 32 * 1024 * 1024
STALE_TEMPORARY_S = 3600
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_BODY_NAME = re.compile(r"body(-[0-9a-f]{16})?", re.ASCII)
_RECORD = "delivery.json"


class DamagedPurchaseError(Exception):
    """What is stored is not what was bought: a file is missing, unreadable or altered."""


class StorageFailedError(Exception):
    """The body could not be stored (a full disk, a lost folder); nothing half-written remains."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One bought body; `truncated` says that the answer was longer than was read."""

    body: bytes = field(repr=False)
    delivery: Delivery
    truncated: bool


class PurchaseStore:
    """A folder with one folder per purchase: the body, and `delivery.json` about it.

    Several processes may share it. A purchase appears whole, by one rename, or not at all.

    Args:
        root: the folder; created for this user alone.

    Raises:
        StorageFailedError: it cannot be created.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        try:
            make_private_folder(root)
            sync_folder(root)  # a process that was killed may have left a purchase unsynced
        except OSError as error:
            raise StorageFailedError(_failure(error)) from None

    def save(
        self,
        purchase_id: str,
        body: bytes,
        *,
        http_status: int,
        content_type: str,
        truncated: bool = False,
        replace: bool = False,
    ) -> Delivery:
        """Store a body durably and return its description; an id already stored is kept.

        Args:
            purchase_id: a UUID in its canonical lower-case text.
            body: the bytes as delivered.
            http_status: of the answer that carried the body.
            content_type: as the seller wrote it.
            truncated: whether the body was cut at the size limit.
            replace: put this body in the place of the stored one, in one step.

        Raises:
            ValueError: the id is not a UUID.
            StorageFailedError: the disk is full or the folder is gone.
            DamagedPurchaseError: the id is stored already, and cannot be read.
        """
        folder = self._folder(purchase_id)
        digest = hashlib.sha256(body).hexdigest()
        delivery = Delivery(http_status, content_type, len(body), digest)
        try:
            if not folder.exists() and self._publish(folder, body, delivery, truncated):
                return delivery
            sync_folder(self._root)  # who stored it first may not have come to this yet
            if replace:
                _replace(folder, body, delivery, truncated)
                return delivery
        except OSError as error:
            raise StorageFailedError(_failure(error)) from None
        return _read(folder).delivery

    def load(self, purchase_id: str) -> Stored | None:
        """Return what was bought, or None when nothing is stored under this id.

        Raises:
            ValueError: the id is not a UUID.
            DamagedPurchaseError: the stored bytes do not match their SHA-256.
        """
        folder = self._folder(purchase_id)
        if not folder.exists():
            return None
        try:
            return _read(folder)
        except DamagedPurchaseError:
            # A replacement may have taken the body away between the two reads.
            return _read(folder)

    def locate(self, purchase_id: str) -> Path | None:
        """Return the file that holds what was bought, or None when nothing is stored.

        Raises:
            ValueError: the id is not a UUID.
        """
        folder = self._folder(purchase_id)
        name = _body_named(folder)
        return None if name is None else (folder / name).absolute()

    def free_bytes(self) -> int:
        """Return the disk space this user can still write, in bytes."""
        return shutil.disk_usage(self._root).free

    def ensure_room(self, needed_bytes: int) -> None:
        """Refuse before paying when the answer might not fit on the disk, or cannot be kept.

        Raises:
            PurserError: LEDGER_UNAVAILABLE, the disk is nearly full or cannot be written.
        """
        probe = self._root / f"probe.tmp-{secrets.token_hex(8)}"
        try:
            free = self.free_bytes()
            probe.mkdir(mode=0o700)
            probe.rmdir()
        except OSError:
            raise PurserError(
                ErrorKind.LEDGER_UNAVAILABLE, "The folder for bought content cannot be written."
            ) from None
        if free < needed_bytes + ROOM_TO_SPARE_BYTES:
            raise PurserError(
                ErrorKind.LEDGER_UNAVAILABLE,
                f"The disk is nearly full ({free // 1_000_000} MB free), so bought content "
                "could not be stored.",
            )

    def sweep_temporaries(self, now: float | None = None) -> int:
        """Remove what crashed saves left behind, and return how many.

        Only folders older than an hour go: a younger one may be another process at work.
        """
        oldest = (time.time() if now is None else now) - STALE_TEMPORARY_S
        swept = 0
        for path in self._root.glob("*.tmp-*"):
            try:
                stale = path.stat().st_mtime < oldest
            except OSError:
                continue
            if stale:
                shutil.rmtree(path, ignore_errors=True)
                swept += 1
        return swept

    def _folder(self, purchase_id: str) -> Path:
        if _ID.fullmatch(purchase_id) is None:
            raise ValueError("a purchase id is a UUID in lower case")
        return self._root / purchase_id

    def _publish(self, folder: Path, body: bytes, delivery: Delivery, truncated: bool) -> bool:
        """Write the folder aside and rename it; False when another process was first."""
        aside = folder.with_name(f"{folder.name}.tmp-{secrets.token_hex(8)}")
        try:
            aside.mkdir(mode=0o700)
            write_new_file(aside / "body", body)
            write_new_file(aside / _RECORD, _record("body", delivery, truncated))
            sync_folder(aside)
            try:
                aside.rename(folder)
            except OSError:
                if folder.exists():
                    return False
                raise
            sync_folder(self._root)
            return True
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _replace(folder: Path, body: bytes, delivery: Delivery, truncated: bool) -> None:
    """Write the new body beside the old; the rename of `delivery.json` is the switch."""
    before, name = _body_named(folder), f"body-{secrets.token_hex(8)}"
    write_new_file(folder / name, body)
    try:
        sync_folder(folder)  # before the switch, so that it never names a body that is not there
        write_file(folder / _RECORD, _record(name, delivery, truncated), replace=True)
    finally:
        # These two and no other: another process may be putting its own body in place.
        _remove_unnamed(folder, before, name)


def _remove_unnamed(folder: Path, *bodies: str | None) -> None:
    """Remove those of `bodies` that `delivery.json` does not name, when it can be read."""
    named = _body_named(folder)
    for name in bodies:
        if named is not None and name is not None and name != named:
            with suppress(OSError):
                (folder / name).unlink()


def _body_named(folder: Path) -> str | None:
    """Return the file name of the body in `delivery.json`; None when that cannot be read."""
    try:
        name = str(json.loads((folder / _RECORD).read_bytes())["body"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return name if _BODY_NAME.fullmatch(name) else None


def _record(body_name: str, delivery: Delivery, truncated: bool) -> bytes:
    fields: dict[str, Any] = {
        "body": body_name,
        "http_status": delivery.http_status,
        "content_type": delivery.content_type,
        "bytes": delivery.bytes,
        "sha256": delivery.sha256,
        "truncated": truncated,
    }
    return json.dumps(fields, indent=1).encode() + b"\n"


def _read(folder: Path) -> Stored:
    """Read a purchase, checking every byte."""
    try:
        fields = json.loads((folder / _RECORD).read_bytes())
        name = str(fields["body"])
        if _BODY_NAME.fullmatch(name) is None:
            raise DamagedPurchaseError("delivery.json names a file outside the purchase")
        delivery = Delivery(
            int(fields["http_status"]),
            str(fields["content_type"]),
            int(fields["bytes"]),
            str(fields["sha256"]),
        )
        stored = Stored((folder / name).read_bytes(), delivery, fields["truncated"] is True)
    except (OSError, ValueError, KeyError, TypeError):
        raise DamagedPurchaseError("a file of the stored purchase is missing or broken") from None
    if hashlib.sha256(stored.body).hexdigest() != delivery.sha256:
        raise DamagedPurchaseError("the stored body does not match its SHA-256")
    return stored


def _failure(error: OSError) -> str:
    return f"bought content cannot be stored: {error.strerror or type(error).__name__}"
