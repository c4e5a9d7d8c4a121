"""`purser install HOST`: put Purser into a host's own file, or take it out."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from server.commands.common import (
    add_json,
    clean,
    has_wallet,
    print_facts,
    print_json,
    print_table,
    say,
    usage,
)
from server.commands.launcher import (
    as_typed,
    host_command,
    host_environment,
    places_in,
    wallet_command,
)
from server.mcp_hosts.edits import BrokenFileError, NotEditableError, Place, table_of
from server.mcp_hosts.host_file import HostFileError, read_host_file, replace_host_file
from server.mcp_hosts.installing import (
    Edit,
    editor_of,
    plan_install,
    plan_remove,
    shown,
    variables_of,
)
from server.mcp_hosts.table import Host, Scope, Surroundings, config_file, hosts, is_found
from server.play_money import PLAY_PASSPHRASE, is_play_folder, starting_it

if TYPE_CHECKING:
    from server.settings import Settings

DEFAULT_NAME = "purser"
PASSPHRASE, PRIVATE_KEY = "PURSER_PASSPHRASE", "PURSER_PRIVATE_KEY"
KEPT_CHARS, KEPT_SHOWN = 60, 10
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_LIKE_A_KEY = re.compile(r"\s*(?:0[xX])?[0-9a-fA-F]{64}\s*")
_BROKEN = (BrokenFileError, NotEditableError, HostFileError)


class _UsageError(Exception):
    """The arguments cannot go together."""


@dataclass(frozen=True, slots=True)
class _Target:
    """What is to be done, and where."""

    key: str
    host: Host
    scope: Scope
    name: str
    path: Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `purser install` takes."""
    parser.add_argument(
        "host",
        nargs="?",
        choices=tuple(hosts()),
        metavar="HOST",
        help=f"{', '.join(hosts())}; without it, the hosts are listed",
    )
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--list", action="store_true", help="say which hosts were found")
    ways.add_argument(
        "--print",
        dest="print_only",
        action="store_true",
        help="show what would be written, and write nothing",
    )
    ways.add_argument("--remove", action="store_true", help="take Purser out again")
    parser.add_argument(
        "--scope",
        choices=("user", "project"),
        default="user",
        help="the file of this user (default), or that of the project in this folder",
    )
    parser.add_argument(
        "--name", default=DEFAULT_NAME, help="what the host calls the server (default: purser)"
    )
    parser.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a variable that the host passes on, any number of times; never a private key",
    )
    parser.add_argument(
        "--file", type=Path, metavar="PATH", help="edit this file, not the one the host is known by"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """List the hosts, or edit the file of one."""
    where = Surroundings.of_this_process()
    try:
        target = _target(args, where)
        variables = _variables(args)
    except _UsageError as error:
        return usage(str(error))
    if target is None:
        return _list(args, where)
    command, *rest = host_command()
    env = host_environment(needs_passphrase=False) | variables
    entry = target.host.filled(name=target.name, command=command, args=rest, env=env)
    try:
        if args.print_only:
            return _print(target, entry, as_json=args.json)
        return _edit(target, entry, env, args)
    except _BROKEN as error:
        return _failed(target, error, as_json=args.json)


def _target(args: argparse.Namespace, where: Surroundings) -> _Target | None:
    """Return what the arguments ask for; None when it is the list."""
    if args.host is None or args.list:
        if args.remove or args.print_only or args.env or args.file:
            raise _UsageError("name the host: purser install HOST")
        return None
    host = hosts()[args.host]
    if args.scope == "project" and not host.project:
        raise _UsageError(f"{host.title} has no file of a project's own")
    if _NAME.fullmatch(args.name) is None:
        raise _UsageError("a name is 1 to 64 letters, digits, - and _")
    path: Path = args.file or config_file(host, args.scope, where)
    return _Target(args.host, host, args.scope, args.name, path)


def _variables(args: argparse.Namespace) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in cast("list[str]", args.env):
        name, equals, value = text.partition("=")
        if not equals or _VARIABLE.fullmatch(name) is None:
            raise _UsageError("write a variable as NAME=VALUE")
        if name.upper() == PRIVATE_KEY or _LIKE_A_KEY.fullmatch(value):
            raise _UsageError(
                "a private key is never written into a host's file; "
                "`purser init --import` puts it into the keyring or an encrypted file"
            )
        if name.upper() == PASSPHRASE and args.scope == "project":
            raise _UsageError("a project's file is for others to read: no passphrase goes into it")
        found[name] = value
    return found


def _print(target: _Target, entry: dict[str, Any], *, as_json: bool) -> int:
    text = shown(target.host, target.name, entry)
    if as_json:
        print_json({**_facts(target, "shown"), "entry": entry, "text": text})
    else:
        say(f"This goes into {clean(str(target.path))}:", sys.stderr)
        say(text.rstrip("\n"))
    return 0


def _edit(
    target: _Target, entry: dict[str, Any], env: dict[str, str], args: argparse.Namespace
) -> int:
    project = Path.cwd() if target.scope == "project" else None
    file = read_host_file(target.path, project=project)
    if args.remove:
        edit = plan_remove(target.host, file.text, target.name)
    else:
        edit = plan_install(target.host, file.text, target.name, entry)
    notes = [] if args.remove else _notes(target.host, edit, env)
    backup = replace_host_file(file, edit.text) if edit.changes else None
    steps = [] if args.remove else [target.host.next, f"`{_doctor(env)}` checks the rest."]
    if args.json:
        facts = _facts(target, edit.action) | {"backup": None if backup is None else str(backup)}
        print_json({**facts, "changed": edit.changes, "notes": notes, "next": steps})
        return 0
    _tell(target, edit, backup)
    for note in notes:
        say(f"Note: {note}", sys.stderr)
    if steps:
        say(f"\nNext: {' '.join(steps)}")
    return 0


def _doctor(env: Mapping[str, str]) -> str:
    """Return the command that looks at the wallet of the host's entry, not at the usual one."""
    from server.paths import purser_home_path
    from server.settings import SettingsError

    variables = places_in({**os.environ, **env})
    try:
        if is_play_folder(purser_home_path(variables)):
            variables[PASSPHRASE] = PLAY_PASSPHRASE  # which is no secret
    except SettingsError:
        pass  # it is among the notes
    return f"{wallet_command(variables)} doctor"


def _tell(target: _Target, edit: Edit, backup: Path | None) -> None:
    rows = [("Host", target.host.title), ("File", str(target.path))]
    rows.append((target.name, edit.action if edit.changes else f"{edit.action}: nothing to do"))
    if backup is not None:
        rows.append(("Backup", str(backup)))
    print_facts(rows)


def _facts(target: _Target, action: str) -> dict[str, Any]:
    return {
        "host": target.key,
        "scope": target.scope,
        "file": str(target.path),
        "name": target.name,
        "action": action,
    }


def _notes(host: Host, edit: Edit, env: dict[str, str]) -> list[str]:
    """Return what stands between this entry and a payment, as far as can be told from here.

    The settings are those that the host's own Purser will find, with `env` from its entry.
    """
    from server.settings import SettingsError, load_settings

    variables = variables_of(host, edit.entry)
    notes = _kept_notes(edit)
    if PRIVATE_KEY in variables:
        notes.append(f"this file holds {PRIVATE_KEY}, which whoever reads it can spend from.")
    try:
        settings = load_settings(environ={**os.environ, **env})
    except SettingsError:
        return [*notes, as_typed("the settings cannot be used as they are: see `purser doctor`.")]
    if not has_wallet(settings):
        return [*notes, as_typed("there is no wallet yet: run `purser init`.")]
    if is_play_folder(settings.home):
        running = f"it answers while {starting_it(settings.home)} runs."
        notes.append(as_typed(f"this wallet holds play money; {running}"))
    return [*notes, *_key_notes(settings, variables)]


def _kept_notes(edit: Edit) -> list[str]:
    """Name what stays of an entry that was there; a project's file may have come from anybody."""
    kept = [clean(str(name), KEPT_CHARS) for name in edit.kept if name != PASSPHRASE]
    if not kept:
        return []
    names = ", ".join(kept[:KEPT_SHOWN])
    more = f" and {len(kept) - KEPT_SHOWN} more" if len(kept) > KEPT_SHOWN else ""
    told = f"the entry that was there keeps {names}{more}. Look at what they are set to"
    return [f"{told}: a variable can change your limits, or what is run."]


def _key_notes(settings: Settings, variables: frozenset[str]) -> list[str]:
    if settings.wallet.key == "keystore" and PASSPHRASE not in variables:
        note = (
            "the key is in keystore.json, and a host has no terminal to ask for its passphrase in. "
            f"With --env {PASSPHRASE}=... the host passes it on; whoever reads the host's file can "
            "then read it there."
        )
        return [note]
    if settings.wallet.key == "env" and PRIVATE_KEY not in variables:
        return [f"wallet.key is env: the host has to be started with {PRIVATE_KEY} set."]
    return []


def _list(args: argparse.Namespace, where: Surroundings) -> int:
    rows = [_row(key, host, args.name, where) for key, host in hosts().items()]
    if args.json:
        print_json({"hosts": rows})
        return 0
    print_table(
        ["host", "name", "found", args.name, "file"],
        [
            [row["host"], row["title"], "yes" if row["found"] else "-", row["state"], row["file"]]
            for row in rows
        ],
    )
    say(as_typed("\n`purser install HOST` adds Purser to one of them."))
    return 0


def _row(key: str, host: Host, name: str, where: Surroundings) -> dict[str, Any]:
    path = config_file(host, "user", where)
    try:
        data = editor_of(host).parse(read_host_file(path).text)
        state = "there" if name in table_of(data, Place(host.table, name)) else "-"
    except _BROKEN:
        state = "unreadable"
    found = is_found(host, where)
    return {
        "host": key,
        "title": host.title,
        "found": found,
        "state": state,
        "file": str(path),
        "project_file": host.project or None,
    }


def _failed(target: _Target, error: Exception, *, as_json: bool) -> int:
    """Say why nothing was changed, and where in the file the reason stands."""
    line, column = (
        (error.line, error.column) if isinstance(error, BrokenFileError) else (None, None)
    )
    if as_json:
        place = {"file": str(target.path), "line": line, "column": column}
        print_json({"error": {**place, "detail": str(error)}})
    say(f"purser: {clean(str(target.path))}: {error}.", sys.stderr)
    say("  Nothing was changed.", sys.stderr)
    if isinstance(error, NotEditableError):
        what = f"`purser install {target.key} --print`"
        say(as_typed(f"  {what} shows what to put there by hand."), sys.stderr)
    return 1
