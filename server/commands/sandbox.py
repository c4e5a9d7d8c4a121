"""`purser sandbox`: keep a seller, a facilitator and a chain running on this machine."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from server.commands.common import print_json, say
from server.commands.launcher import as_typed, command_line, quoted
from server.commands.play_wallet import (
    RPC_PORT,
    SELLER_PORT,
    NotAPlayWalletError,
    Ports,
    chosen_folder,
    fill_folder,
    ports_of,
)
from server.play_money import PLAY_PASSPHRASE

if TYPE_CHECKING:
    from sandbox.run import Sandbox

PAGES = (
    ("/free", "asks for nothing"),
    ("/article", "costs {}"),
    ("/api/weather", "costs {}"),
    ("/pilotage", "costs {}, more than is paid without your approval"),
    ("/dear", "costs {}, more than the limits allow"),
)
"""What the first lines to try are for; each price comes from the table of wares."""
ENTRY_NAME = "purser-sandbox"
"""What a host calls it, so that an entry of the user's own Purser stays as it is."""
CHECK_S = 1
PERMIT2_ATOMIC = 5_000_000
"""So much may Permit2 take from the buyer, for the pages that are paid through it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `purser sandbox` takes."""
    for name, what in (("seller", "the seller"), ("rpc", "the chain's JSON-RPC")):
        parser.add_argument(
            f"--{name}-port",
            type=_port,
            default=0,
            metavar="PORT",
            help=f"the port of {what} on loopback (default: a free one)",
        )
    parser.add_argument(
        "--wallet",
        metavar="FOLDER",
        help="keep a wallet of play money in this folder, for a host to use; it is made when it "
        f"does not exist, on ports {SELLER_PORT} and {RPC_PORT} unless others are given",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one line of JSON when ready, and nothing else"
    )


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    from sandbox.run import Sandbox, SandboxMissingError

    try:
        folder = None if args.wallet is None else chosen_folder(args.wallet)
        ports = Ports(args.seller_port, args.rpc_port)
        if folder is not None:
            ports = ports_of(folder, args.seller_port, args.rpc_port)
    except NotAPlayWalletError as error:
        return _not_here(error)
    sandbox = Sandbox(seller_port=ports.seller, rpc_port=ports.rpc)
    try:
        sandbox.start()
        sandbox.approve_permit2(sandbox.buyer_key, PERMIT2_ATOMIC)
    except SandboxMissingError as error:
        say(f"purser: {error}", sys.stderr)
        return 1
    except OSError as error:
        return _no_port(error, ports, folder)
    try:
        with _home(sandbox, folder) as (home, secret):
            data = describe(sandbox, home, secret)
            if args.json:
                print_json(data, indent=None)
            else:
                _show(data)
            _wait()
    except NotAPlayWalletError as error:
        return _not_here(error)
    except OSError as error:
        say(f"purser: {args.wallet}: cannot be written: {error.strerror}", sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("Stopped.", sys.stderr)
    finally:
        sandbox.stop()
    return 0


@contextmanager
def _home(sandbox: Sandbox, folder: Path | None) -> Generator[tuple[Path, dict[str, str]]]:
    """Yield a PURSER_HOME, and the variable that opens its key: a folder that stays, or a new one.

    Raises:
        NotAPlayWalletError: another key is in the folder.
        OSError: it cannot be written.
    """
    from wallet.files import write_file

    if folder is not None:
        fill_folder(folder, sandbox)
        yield folder, {"PURSER_PASSPHRASE": PLAY_PASSPHRASE}
        return
    with tempfile.TemporaryDirectory(prefix="purser-sandbox-") as name:
        home = Path(name)
        write_file(home / "config.toml", sandbox.config_toml().encode(), replace=False)
        yield home, {"PURSER_PRIVATE_KEY": sandbox.buyer_key}


def _no_port(error: OSError, ports: Ports, folder: Path | None) -> int:
    """Name the port, and what to do; a folder's settings name its ports, so they stay."""
    whose = "seller" if str(error.filename).endswith(f":{ports.seller}") else "rpc"
    say(f"purser: {error.filename} cannot be used: {error.strerror}.", sys.stderr)
    fixed = folder is not None and (folder / "config.toml").is_file()
    other = "" if fixed else f", or give --{whose}-port N"
    say(as_typed(f"  Perhaps another `purser sandbox` runs: end it{other}."), sys.stderr)
    return 1


def _not_here(error: NotAPlayWalletError) -> int:
    say(f"purser: {error}. Nothing was changed.", sys.stderr)
    return 1


def describe(sandbox: Sandbox, home: Path, secret: dict[str, str]) -> dict[str, Any]:
    """Return where everything is, and the settings and environment that buy from it."""
    return {
        "seller_url": sandbox.seller_url,
        "rpc_url": sandbox.rpc_url,
        "network": sandbox.network,
        "buyer_address": sandbox.buyer_address,
        "config_toml": (home / "config.toml").read_text(encoding="utf-8"),
        "env": {"PURSER_HOME": str(home), **secret},
        "pages": [sandbox.seller_url + path for path, _ in PAGES],
    }


def _show(data: dict[str, Any]) -> None:
    from sandbox.wares import BY_PATH

    say(f"Seller:  {data['seller_url']}")
    say(f"Chain:   {data['rpc_url']}  (stands in for {data['network']})")
    say(f"Buyer:   {data['buyer_address']}  (holds play money)")
    say()
    home, purser = data["env"]["PURSER_HOME"], command_line()
    kept = "PURSER_PASSPHRASE" in data["env"]
    if kept:
        say(f"Wallet:  {home}  (PLAY MONEY: its key is published, never send it real money)")
        say()
        say("To add it to a host, in another terminal (`install` alone lists the hosts):")
        say()
        flags = "".join(
            f" --env {quoted(f'{name}={value}')}" for name, value in data["env"].items()
        )
        say(f"  {purser} install claude-code --name {ENTRY_NAME}{flags}")
    else:
        say(f"Settings, in {Path(home) / 'config.toml'} while this runs:")
        say()
        for line in data["config_toml"].splitlines():
            say(f"  {line}".rstrip())
    say()
    say("To use it in another terminal (the key is a published one: never send it real money):")
    say()
    for name, value in data["env"].items():
        say("  " + set_variable(name, value))
    say()
    say("Then:")
    say()
    lines = [("/", "lists all that is for sale")]
    for path, what in PAGES:
        price = BY_PATH[path].price if path in BY_PATH else ""
        lines.append((path, what.format(price)))
    width = max(len(path) for path, _ in lines)
    for path, what in lines:
        say(f"  {purser} fetch {data['seller_url']}{path:<{width}}    # {what}")
    say(f"  {purser} price {' '.join(data['pages'][:3])}")
    say(f"  {purser} balance")
    say()
    say(f"Ctrl-C ends it; {'the folder stays' if kept else 'nothing of it remains'}.")


def set_variable(name: str, value: str) -> str:
    """Return what to type; a quote in the folder's name ends no word."""
    if os.name == "nt":
        return f"$env:{name} = '" + value.replace("'", "''") + "'"
    return f"export {name}='" + value.replace("'", "'\\''") + "'"


def _wait() -> None:
    """Wait for Ctrl-C or a request to end; on Windows neither ends a wait without a time limit."""
    ended = threading.Event()

    def end(signum: int, frame: FrameType | None) -> None:
        ended.set()

    before = signal.signal(signal.SIGTERM, end)
    try:
        while not ended.wait(CHECK_S):
            pass
    finally:
        signal.signal(signal.SIGTERM, before)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65_535:
        raise argparse.ArgumentTypeError("write a port from 0 to 65535")
    return int(text)
