"""`purser policy`: show the limits in force, change one, seal them under a passphrase."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from server.commands.common import (
    add_json,
    has_wallet,
    json_errors,
    print_facts,
    print_json,
    print_table,
    say,
)
from server.commands.launcher import as_typed
from wallet.errors import PurserError

if TYPE_CHECKING:
    from server.settings import Settings
    from wallet.seal import Seal

_ACTIONS = {
    "show": (
        "show the limits in force, where each comes from, and whether they are sealed",
        "purser policy show --json",
    ),
    "set": (
        "change one setting in config.toml, and seal it anew when the limits are sealed",
        "purser policy set hosts.deny a.example b.example",
    ),
    "seal": (
        "seal the limits in force, so that the key opens under no others",
        "purser policy seal",
    ),
    "unseal": (
        "remove the seal, so that the settings alone decide again",
        "purser policy unseal",
    ),
}
_STATES = {
    "none": "no: whoever can edit the settings can change the limits",
    "sealed": "yes, since {since}; the settings in force are the sealed ones",
    "changed": "yes, since {since}, and the settings were changed: nothing is paid",
    "broken": "the seal and the key do not belong together: nothing is paid",
    "unproven": "it says so, since {since}; the keystore is locked, so that is not proven",
    "no wallet": "no: there is no wallet yet, run `purser init`",
    "locked": "not known: the key cannot be reached, run `purser doctor`",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `purser policy` takes."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    show, change, seal, unseal = (
        actions.add_parser(
            name,
            help=told,
            description=told[:1].upper() + told[1:] + ".",
            epilog=f"example:\n  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        for name, (told, example) in _ACTIONS.items()
    )
    change.add_argument("name", metavar="NAME", help="the setting, such as budget.per_day")
    change.add_argument(
        "value", metavar="VALUE", nargs="*", help="the new value; for a list, one word for each"
    )
    for action in (change, seal, unseal):
        action.add_argument(
            "--passphrase-file",
            metavar="FILE",
            help="read the seal's passphrase from the first line of a file, - for standard input",
        )
    for action in (show, change, seal, unseal):
        add_json(action)


def run(args: argparse.Namespace) -> int:
    """Show or change the policy."""
    from server.commands import policy_change
    from server.settings import load_settings

    settings = load_settings()
    with json_errors(args.json):
        match args.action:
            case "show":
                return _show(settings, args.json)
            case "set":
                return policy_change.set_one(args, settings)
            case "seal":
                return policy_change.seal(args, settings)
            case _:
                return policy_change.unseal(args, settings)


def describe(settings: Settings, state: str, seal: Seal | None) -> dict[str, Any]:
    """Return the policy as JSON has it; a value that may hold a secret is null."""
    from server.sealed_policy import NOT_SEALED, is_secret, policy_of
    from server.settings import CONFIG_FILE

    policy = policy_of(settings)
    changed = () if seal is None else seal.differences(policy)
    sealed: Mapping[str, str] = {} if seal is None else seal.settings
    names = sorted({*policy.settings, *sealed, *NOT_SEALED})
    return {
        "config": str(settings.home / CONFIG_FILE),
        "seal": {
            "state": state,
            "sealed_at": None if seal is None else _moment(seal.sealed_at),
            "changed": list(changed),
        },
        "settings": [
            {
                "name": name,
                "value": None if is_secret(name) else value_of(settings, name),
                "origin": settings.origins.get(name, "default"),
                "sealable": name not in NOT_SEALED,
                "sealed_value": None if is_secret(name) else sealed.get(name),
                "changed": name in changed,
            }
            for name in names
        ],
    }


def value_of(settings: Settings, name: str) -> str | None:
    """Return a setting's value as text, None when it is not set."""
    from server.sealed_policy import shown

    section, _, field = name.partition(".")
    found = getattr(settings, section, None)
    return shown(getattr(found, field)) if hasattr(found, field) else None


def print_policy(data: dict[str, Any]) -> None:
    """Write the settings as a table, with what was sealed where that is something else."""
    rows = [
        [
            one["name"],
            _cell(one["name"], one["value"]),
            one["origin"],
            "" if one["sealable"] else "never sealed",
            f"sealed: {_cell(one['name'], one['sealed_value'])}" if one["changed"] else "",
        ]
        for one in data["settings"]
    ]
    print_table(["setting", "value", "from", "", "changed"], rows)


def _cell(name: str, value: str | None) -> str:
    from server.sealed_policy import is_secret

    if is_secret(name):
        return "(not shown)"
    return "not set" if value is None else value or '""'


def _show(settings: Settings, as_json: bool) -> int:
    state, seal = state_of(settings)
    data = describe(settings, state, seal)
    if as_json:
        print_json(data)
        return 0
    told = _STATES[state].format(since=data["seal"]["sealed_at"])
    print_facts([("Settings", data["config"]), ("Sealed", as_typed(told))])
    say()
    print_policy(data)
    if state in ("changed", "broken"):
        say(as_typed("\nUndo the changes, or seal the settings as they are: `purser policy seal`."))
    return 0


def state_of(settings: Settings) -> tuple[str, Seal | None]:
    """Return how the seal stands, asking nobody for a passphrase, with the seal if there is one."""
    from server.sealed_policy import policy_of
    from server.wiring import open_keystore

    if not has_wallet(settings):
        return "no wallet", None
    if settings.wallet.key == "env":
        return "none", None
    keystore = open_keystore(settings)
    try:
        standing = keystore.standing()
    except PurserError:
        try:
            claimed = keystore.claimed_seal()
        except PurserError:
            return "locked", None
        if claimed is None:
            return ("none" if settings.wallet.key == "keystore" else "locked"), None
        return ("changed" if claimed.differences(policy_of(settings)) else "unproven"), claimed
    if standing.state == "open":
        return "none", None
    if standing.state == "broken":
        return "broken", None
    return ("changed" if standing.differences else "sealed"), standing.seal


def _moment(unix_s: int) -> str:
    try:
        return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return "unknown"
