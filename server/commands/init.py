"""`purser init`: make a wallet and the settings, once; nothing that exists is ever changed."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server.commands.common import (
    add_json,
    choose_passphrase,
    json_errors,
    print_facts,
    print_json,
    say,
)
from server.commands.launcher import command_line, host_command, host_environment, quoted
from server.commands.play_wallet import refuse_play_money
from server.play_money import is_play_folder
from wallet.errors import ErrorKind, PurserError

if TYPE_CHECKING:
    from server.settings import Settings
    from wallet.keystore import Source

KEY_CHARS = 200


@dataclass(frozen=True, slots=True)
class Made:
    """The wallet as it is now, and whether this run made it."""

    address: str
    source: Source
    new: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `purser init` takes."""
    parser.add_argument(
        "--key",
        choices=("keyring", "keystore"),
        help="where the key lives: the system's keyring, or a file under a passphrase "
        "(default: the keyring where there is one)",
    )
    parser.add_argument(
        "--import",
        dest="import_key",
        action="store_true",
        help="use a key you have: asked for hidden, or read from standard input",
    )
    parser.add_argument(
        "--network",
        type=_network,
        metavar="ID",
        help="the network to pay on: a CAIP-2 id, such as eip155:84532, or the x402 v1 name of the "
        "same, such as base-sepolia (default: Base, eip155:8453); config.toml holds the id",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Make what is missing, and show what there is."""
    from server.paths import purser_home_path
    from server.settings import load_settings

    home = purser_home_path(os.environ)
    if is_play_folder(home):
        advice = "for a wallet of your own use another PURSER_HOME"
        return refuse_play_money(home, advice, as_json=args.json)
    settings = load_settings()
    if (detail := _other_networks(settings, args.network)) is not None:
        if args.json:
            meta = PurserError(ErrorKind.INVALID_ARGUMENT, detail).meta()
            print_json({"error": {**meta, "detail": detail}})
        else:
            say(f"purser: {detail}")
        return 1
    fixed = _fixed_source(settings)
    if fixed == "env":
        return _stopped("wallet.key is env: there is no wallet to make, set PURSER_PRIVATE_KEY")
    if fixed is not None and args.key not in (None, fixed):
        return _stopped(f"the settings say wallet.key = {fixed}; change that first")
    with json_errors(args.json):
        made = _existing(settings.home, fixed or args.key)
        if made is not None and args.import_key:
            return _stopped(f"there is a wallet already ({made.address}); nothing was imported")
        if made is None:
            if (other := _existing(settings.home, None)) is not None:
                where = f"{other.address}, wallet.key = {other.source}"
                return _stopped(f"there is another kind of wallet already ({where})")
            text = _read_key() if args.import_key else None
            made = _make(settings.home, fixed or args.key, text)
    wrote = _write_config(settings.home, made.source, args.network)
    data = _describe(load_settings(), made, wrote)
    if args.json:
        print_json(data)
    else:
        _show(data)
    return 0


def _stopped(text: str) -> int:
    say(f"purser: {text}.", sys.stderr)
    return 1


def _other_networks(settings: Settings, network: str | None) -> str | None:
    """Say what to do when the settings that exist are for other networks than the wanted one."""
    from server.settings import CONFIG_FILE

    path, said = settings.home / CONFIG_FILE, settings.wallet.networks
    if network is None or not path.is_file() or said == (network,):
        return None
    return (
        f"Nothing was changed. {path} exists already, and wallet.networks is {', '.join(said)}. "
        f'To pay on {network}, write networks = ["{network}"] there, under [wallet].'
    )


def _fixed_source(settings: Settings) -> Source | None:
    """Return where the settings say that the key lives, or None while nobody has said."""
    from server.settings import CONFIG_FILE

    in_environment = "PURSER_WALLET__KEY" in map(str.upper, os.environ)
    said = in_environment or (settings.home / CONFIG_FILE).is_file()
    return settings.wallet.key if said else None


def _existing(home: Path, wanted: Source | None) -> Made | None:
    """Return the wallet that is there already: of the wanted kind, or of either."""
    from wallet.keystore import KEYSTORE_FILE, WALLET_FILE, Keystore

    files: dict[Source, str] = {"keyring": WALLET_FILE, "keystore": KEYSTORE_FILE}
    for source, name in files.items():
        if wanted in (None, source) and (home / name).exists():
            return Made(Keystore(home, source, environ={}).address(), source, new=False)
    return None


def _make(home: Path, wanted: Source | None, text: str | None) -> Made:
    """Make or import a wallet; without a wish the keyring is tried, then the keystore."""
    if wanted != "keystore":
        try:
            return _store(home, "keyring", text)
        except PurserError as error:
            if wanted is not None or error.kind is not ErrorKind.WALLET_LOCKED:
                raise
        say("purser: no system keyring can be used, so the key goes into a file.", sys.stderr)
    return _store(home, "keystore", text)


def _store(home: Path, source: Source, text: str | None) -> Made:
    from wallet.keystore import PASSPHRASE_VARIABLE, Keystore, WalletExistsError

    ask = source == "keystore" and not os.environ.get(PASSPHRASE_VARIABLE)
    keystore = Keystore(home, source)
    passphrase = _new_passphrase() if ask else None
    try:
        if text is None:
            return Made(keystore.create(passphrase), source, new=True)
        return Made(keystore.import_key(text, passphrase), source, new=True)
    except WalletExistsError as error:
        raise PurserError(ErrorKind.WALLET_LOCKED, f"Nothing was made: {error}.") from None


def _write_config(home: Path, source: Source, network: str | None) -> bool:
    """Write config.toml unless there is one; tell whether it was written."""
    from server.config_template import default_config_text
    from server.settings import CONFIG_FILE, SettingsError
    from server.settings_values import DEFAULT_NETWORK
    from wallet.files import write_file

    path = home / CONFIG_FILE
    text = default_config_text(key=source, networks_enabled=(network or DEFAULT_NETWORK,))
    try:
        write_file(path, text.encode(), replace=False)
    except FileExistsError:
        return False
    except OSError as error:
        raise SettingsError([f"{path}: cannot be written: {error.strerror}"]) from None
    return True


def _new_passphrase() -> str:
    """Ask for a passphrase twice, hidden.

    Raises:
        PurserError: INVALID_ARGUMENT, there is no terminal, or the two never agreed.
    """
    from wallet.keystore import PASSPHRASE_VARIABLE, SHORTEST_PASSPHRASE

    if not sys.stdin.isatty():
        detail = (
            f"Set {PASSPHRASE_VARIABLE} to a passphrase of at least {SHORTEST_PASSPHRASE} "
            "characters for the keystore, or run this in a terminal, which asks for it."
        )
        raise PurserError(ErrorKind.INVALID_ARGUMENT, detail)
    chosen = choose_passphrase("keystore", SHORTEST_PASSPHRASE)
    if chosen is None:
        detail = "No passphrase was chosen; nothing was made."
        raise PurserError(ErrorKind.INVALID_ARGUMENT, detail)
    return chosen


def _read_key() -> str:
    """Read a key without showing it: from the terminal, or one line of standard input."""
    if sys.stdin.isatty():
        return getpass.getpass("Private key, 64 hex digits: ").strip()
    return sys.stdin.readline(KEY_CHARS).strip()


def _describe(settings: Settings, made: Made, wrote: bool) -> dict[str, Any]:
    from server.settings import CONFIG_FILE
    from wallet.keystore import KEYSTORE_FILE

    budget, home = settings.budget, settings.home
    return {
        "address": made.address,
        "key": made.source,
        "keystore": str(home / KEYSTORE_FILE) if made.source == "keystore" else None,
        "wallet_created": made.new,
        "config": str(home / CONFIG_FILE),
        "config_created": wrote,
        "home": str(home),
        "networks": list(settings.wallet.networks),
        "limits": {
            "per_payment": str(budget.per_payment),
            "per_host_per_day": str(budget.per_host_per_day),
            "per_day": str(budget.per_day),
            "total": None if budget.total is None else str(budget.total),
            "approval_above": str(budget.approval_above),
        },
    }


def _show(data: dict[str, Any]) -> None:
    made = {True: "new", False: "was there already"}
    limits = data["limits"]
    key = data["keystore"] or "in the system's keyring"
    print_facts(
        [
            ("Address", data["address"]),
            ("Key", f"{key} ({made[data['wallet_created']]})"),
            ("Settings", f"{data['config']} ({made[data['config_created']]})"),
            ("Networks", ", ".join(data["networks"])),
            ("A payment", f"at most ${limits['per_payment']}"),
            ("A host", f"at most ${limits['per_host_per_day']} a day"),
            ("A day", f"at most ${limits['per_day']}"),
            ("In all", "no limit" if limits["total"] is None else f"at most ${limits['total']}"),
            ("Approval", f"above ${limits['approval_above']} a payment waits for `purser approve`"),
        ]
    )
    say("\nOnly you can change the limits, in the settings.")
    if data["wallet_created"]:
        what = "the keystore file and its passphrase" if data["keystore"] else "the keyring"
        say(f"Keep {what} safe: without the key the money is lost.")
    _show_next(needs_passphrase=data["keystore"] is not None)


def _show_next(*, needs_passphrase: bool) -> None:
    """Write the commands to go on with, and what to paste into a host, as they work from here."""
    purser, command = command_line(), host_command()
    env = host_environment(needs_passphrase=needs_passphrase)
    say("\nNext:")
    say(f"  {purser} fund       # where to send money, and how little is enough")
    say(f"  {purser} doctor     # whether everything is well")
    say(f"  {purser} install    # lists the hosts; with the name of one, Purser is added to it")
    flags = "".join(f" --env {quoted(f'{name}={value}')}" for name, value in env.items())
    say("\nTo add Purser to Claude Code:")
    say(f"  claude mcp add purser{flags} -- {' '.join(map(quoted, command))}")
    say("\nTo add it to Claude Desktop, put this into claude_desktop_config.json:")
    entry: dict[str, Any] = {"command": command[0], "args": command[1:]}
    say(json.dumps({"mcpServers": {"purser": entry | ({"env": env} if env else {})}}, indent=2))
    if needs_passphrase:
        say("\nPut the keystore's passphrase in place of (the passphrase).")


def _network(text: str) -> str:
    from wallet.assets import find_network

    network = find_network(text)
    if network is None:
        raise argparse.ArgumentTypeError("not a network that Purser knows; Base is eip155:8453")
    return network.id
