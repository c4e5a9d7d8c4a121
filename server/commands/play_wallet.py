"""The wallet folder of `purser sandbox --wallet`: made once, used again, never mixed with another.

Nothing is written where anything else is: a folder is taken when it does not exist, is empty, or
was made here before.
"""

from __future__ import annotations

import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from server.commands.common import clean, print_json, say
from server.play_money import PLAY_FILE, PLAY_PASSPHRASE, PLAY_TEXT, is_play_folder
from wallet.errors import ErrorKind, PurserError

if TYPE_CHECKING:
    from sandbox.run import Sandbox

SELLER_PORT, RPC_PORT = 8402, 8403
"""What a new folder's settings name, so that a host finds the same sandbox every day."""
CONNECT_TIMEOUT_S = 1
_HEAD = """\
# Play money for `purser sandbox --wallet`. The key beside this file is published: never send it
# real money. Change the limits as you like; the ports are those that the sandbox listens on.
"""


class NotAPlayWalletError(Exception):
    """The folder cannot be the sandbox's wallet; the text says why, and nothing was changed."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a folder's settings look for the seller and for the chain."""

    seller: int
    rpc: int


def chosen_folder(text: str) -> Path:
    """Return the absolute folder that was named, if it may hold play money.

    Raises:
        NotAPlayWalletError: it is where a real wallet is looked for, or holds something else.
    """
    from server.paths import purser_home_path

    folder = Path(text).expanduser().absolute()
    if folder.resolve() == purser_home_path({}).resolve():
        raise NotAPlayWalletError(f"{folder} is the folder of your own wallet; name another")
    if folder.exists() and not (is_play_folder(folder) or _is_empty(folder)):
        raise NotAPlayWalletError(
            f"{folder} holds something else than a wallet of the sandbox; name another folder"
        )
    return folder


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def ports_of(folder: Path, seller: int, rpc: int) -> Ports:
    """Return the ports to serve on: those of the folder's settings, or for a new folder the wanted.

    A wanted port of 0 stands for any, or for the usual one in a new folder.

    Raises:
        NotAPlayWalletError: the folder's settings name other ports than the wanted, or none.
        SettingsError: they cannot be used.
    """
    from server.settings import CONFIG_FILE, load_settings

    if not (folder / CONFIG_FILE).is_file():
        return Ports(seller or SELLER_PORT, rpc or RPC_PORT)
    settings = load_settings(folder, {})
    named = [int(one.rpartition(":")[2]) for one in settings.hosts.private_ok[:1]]
    named += [
        port
        for network in settings.wallet.networks[:1]
        for url in settings.rpc_urls(network)[:1]
        if (port := urlsplit(url).port) is not None
    ]
    if len(named) != 2:
        raise NotAPlayWalletError(
            f"{folder / CONFIG_FILE} names no port of a sandbox in hosts.private_ok and rpc_urls"
        )
    known = Ports(*named)
    if (seller or known.seller, rpc or known.rpc) != (known.seller, known.rpc):
        raise NotAPlayWalletError(
            f"{folder / CONFIG_FILE} names the ports {known.seller} and {known.rpc}; "
            "leave the options for ports out"
        )
    return known


def is_not_running(folder: Path) -> bool:
    """Tell whether the sandbox of a folder of play money does not listen on both of its ports."""
    from server.settings import SettingsError

    try:
        ports = ports_of(folder, 0, 0)
    except (NotAPlayWalletError, SettingsError):
        return False
    return not all(map(_answers, (ports.seller, ports.rpc)))


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), CONNECT_TIMEOUT_S).close()
    except OSError:
        return False
    return True


def refuse_play_money(folder: Path, advice: str, *, as_json: bool) -> int:
    """Say that a command is not for a folder of play money, and return the exit code for that."""
    detail = f"{folder} holds play money, and its key is published: {advice}."
    if as_json:
        meta = PurserError(ErrorKind.INVALID_ARGUMENT, detail).meta()
        print_json({"error": {**meta, "detail": detail}})
    say(f"purser: {clean(detail)}", sys.stderr)
    return 1


def fill_folder(folder: Path, sandbox: Sandbox) -> None:
    """Make what the folder lacks: its mark first, then the key, then the settings.

    Raises:
        NotAPlayWalletError: another key is there.
        PurserError: WALLET_LOCKED, the key cannot be written.
        OSError: a file cannot be written.
    """
    from server.settings import CONFIG_FILE
    from wallet.files import make_private_folder, write_file
    from wallet.keystore import KEYSTORE_FILE, Keystore

    make_private_folder(folder)
    if not is_play_folder(folder):
        write_file(folder / PLAY_FILE, PLAY_TEXT.encode(), replace=False)
    keystore = Keystore(folder, "keystore", environ={})
    if not (folder / KEYSTORE_FILE).exists():
        keystore.import_key(sandbox.buyer_key, PLAY_PASSPHRASE)
    elif keystore.address() != sandbox.buyer_address:
        raise NotAPlayWalletError(f"{folder / KEYSTORE_FILE} holds another key than the sandbox's")
    if not (folder / CONFIG_FILE).exists():
        text = _HEAD + "\n" + _budget() + "\n" + sandbox.config_toml(key="keystore")
        write_file(folder / CONFIG_FILE, text.encode(), replace=False)


def _budget() -> str:
    from server.settings_models import Budget

    shipped = Budget()
    host = "# As shipped but for a host's day: all pages are one host's, and some cost $0.60."
    limits = {
        "per_payment": shipped.per_payment,
        "per_host_per_day": shipped.per_day,
        "per_day": shipped.per_day,
        "approval_above": shipped.approval_above,
    }
    lines = [f'{name} = "{usd}"' for name, usd in limits.items()]
    return "\n".join(["[budget]", host, *lines, ""])
