"""What `purser policy` changes: one setting, or the seal; a person with the passphrase does it."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
import time
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server.commands.common import choose_passphrase, passphrase_asker, print_json, say, usage
from server.commands.launcher import as_typed
from wallet.errors import ErrorKind, PurserError

if TYPE_CHECKING:
    from server.settings import Settings
    from wallet.keystore import Keystore
    from wallet.seal import Seal

PASSPHRASE_CHARS = 1_000
RESTART = "Start Purser's hosts again: a running Purser keeps the settings it started with."


def seal(args: argparse.Namespace, settings: Settings) -> int:
    """Show the limits in force, ask for the passphrase, and bind the key to them.

    Raises:
        PurserError: there is no wallet that can be sealed, or the passphrase is not good.
    """
    from server.commands.policy import describe, print_policy

    keystore = _keystore(settings, settings)
    standing = keystore.standing()
    if not args.json:
        print_policy(describe(settings, standing.state, standing.seal))
        say()
    made = keystore.put_seal(
        read_passphrase(args.passphrase_file, new=not standing.guarded), int(time.time())
    )
    if args.json:
        print_json(describe(settings, "sealed", made))
        return 0
    say("The settings above are sealed: no other ones are paid under.")
    _warn_of_variables(settings)
    say(RESTART)
    say("Keep the passphrase where no program can read it; it is asked for at each change.")
    if settings.wallet.key == "keystore" and not standing.guarded:
        say("Copies of keystore.json from before open without the seal: remove them.")
    return 0


def unseal(args: argparse.Namespace, settings: Settings) -> int:
    """Ask for the passphrase, and free the key from the seal.

    Raises:
        PurserError: there is no such wallet, or it is another passphrase.
    """
    from server.commands.policy import describe

    keystore = _keystore(settings, settings)
    standing = keystore.standing()
    if standing.state != "open":
        keystore.remove_seal(
            read_passphrase(args.passphrase_file, new=False) if standing.guarded else ""
        )
    if args.json:
        print_json(describe(settings, "none", None))
    else:
        say("The limits are not sealed: whoever can edit the settings can change them.")
    return 0


def set_one(args: argparse.Namespace, settings: Settings) -> int:
    """Change one setting in config.toml, and seal anew what was sealed.

    Raises:
        SettingsError: the value is not valid; nothing was changed.
        PurserError: POLICY_CHANGED, something else was changed as well; or the passphrase is not
            good; or the file has to be edited by hand.
    """
    from server.commands.policy import describe, state_of
    from server.config_edit import NotEditableError, with_setting
    from server.settings import CONFIG_FILE, load_settings, read_config, setting_name

    where = _where(args.name)
    if isinstance(where, str):
        return usage(where)
    path, name = settings.home / CONFIG_FILE, setting_name(where)
    try:
        text = with_setting(read_config(path), where, _toml(where, args.value))
    except NotEditableError:
        raise _invalid(f"{path} writes {name} in a form to be edited by hand.") from None
    except ValueError as error:
        return usage(f"{name}: {error}")
    changed = load_settings(settings.home, config_text=text)
    made = _sealed_anew(args, name, settings, changed)
    _write(path, text)
    if args.json:
        print_json(describe(changed, *(state_of(changed) if made is None else ("sealed", made))))
        return 0
    say(f"{name} is set in {path}" + (", and sealed." if made is not None else "."))
    if (origin := changed.origins.get(name)) != CONFIG_FILE:
        say(f"purser: {origin} in this environment still wins over the file.", sys.stderr)
    say(RESTART)
    return 0


def _sealed_anew(
    args: argparse.Namespace, name: str, settings: Settings, changed: Settings
) -> Seal | None:
    """Seal the changed settings where the present ones are sealed; None where they are not."""
    from server.commands.common import has_wallet
    from server.sealed_policy import NOT_SEALED, policy_of

    if name in NOT_SEALED or settings.wallet.key == "env" or not has_wallet(settings):
        return None
    keystore = _keystore(settings, changed)
    if keystore.claimed_seal() is None:
        return None
    if name == "wallet.key":
        raise _invalid("wallet.key stays as it is while the limits are sealed. Unseal them first.")
    standing = keystore.standing()
    if standing.seal is None or standing.state != "sealed":
        raise _changed("The seal and the key do not belong together.")
    others = [one for one in standing.seal.differences(policy_of(settings)) if one != name]
    if others:
        raise _changed(f"Changed since the limits were sealed: {', '.join(others)}.")
    return keystore.put_seal(read_passphrase(args.passphrase_file, new=False), int(time.time()))


def _keystore(settings: Settings, sealed: Settings) -> Keystore:
    """Return the wallet of these settings, to be sealed under those."""
    from server.sealed_policy import policy_of
    from wallet.keystore import Keystore

    source = settings.wallet.key
    if source == "env":
        detail = (
            "Nothing can be sealed while wallet.key is env: whoever sets the key's variable sets "
            "the limits as well."
        )
        raise _invalid(detail)
    ask = passphrase_asker()
    return Keystore(settings.home, source, policy=policy_of(sealed), ask_passphrase=ask)


def _where(name: str) -> tuple[str, ...] | str:
    """Return the tables and the name of a setting, or what is wrong with it."""
    from server.settings_models import SECTIONS, NetworkSettings, Upstream
    from wallet.assets import networks

    plain = name.replace('"', "")
    section, _, field = plain.partition(".")
    if section == "network":
        network, _, field = field.rpartition(".")
        if network in networks() and field in NetworkSettings.model_fields:
            return section, network, field
    elif section == "upstream":
        upstream, _, field = field.rpartition(".")
        if upstream and field in Upstream.model_fields and field != "env":
            return section, upstream, field
    elif section in SECTIONS and field in SECTIONS[section].model_fields:
        return section, field
    known = [f"{one}.{field}" for one, model in SECTIONS.items() for field in model.model_fields]
    close = get_close_matches(plain, known, n=1)
    meant = f"did you mean {close[0]}?" if close else "`purser policy show` lists them"
    return f"{name[:60]!r} is not a setting; {as_typed(meant)}"


def _toml(where: tuple[str, ...], words: list[str]) -> str:
    """Write a value as TOML: a list from one word for each, or from JSON; else one word.

    Raises:
        ValueError: it cannot be such a value.
    """
    from server.settings_models import NAMED, SECTIONS, from_text

    model = NAMED.get(where[0]) or SECTIONS[where[0]]
    if model.model_fields[where[-1]].annotation == tuple[str, ...]:
        is_json = len(words) == 1 and words[0].lstrip().startswith("[")
        value: Any = from_text(model, where[-1], words[0]) if is_json else words
    elif len(words) == 1:
        value = from_text(model, where[-1], words[0])
    else:
        raise ValueError('needs one value; an empty one is written ""')
    return json.dumps(value, ensure_ascii=False)


def _write(path: Path, text: str) -> None:
    from server.settings import SettingsError
    from wallet.files import write_file

    try:
        write_file(path.resolve(), text.encode(), replace=True)
    except OSError as error:
        raise SettingsError([f"{path}: cannot be written: {error.strerror}"]) from None


def read_passphrase(file: str | None, *, new: bool) -> str:
    """Take the seal's passphrase from where the person gives it; a new one is asked for twice.

    Args:
        file: the name of a file that has it in its first line, `-` for standard input; None asks
            at the terminal.
        new: no such passphrase is in use yet.

    Raises:
        PurserError: INVALID_ARGUMENT, there is none.
    """
    from wallet.seal import SHORTEST_SEAL_PASSPHRASE

    if file is not None:
        return _first_line(file)
    if not sys.stdin.isatty():
        raise _invalid(
            "The seal's passphrase is asked for in a terminal, or see --passphrase-file."
        )
    if not new:
        return getpass.getpass("Passphrase of the seal: ")
    chosen = choose_passphrase("seal", SHORTEST_SEAL_PASSPHRASE, ", kept nowhere by Purser")
    if chosen is None:
        raise _invalid("No passphrase was chosen; nothing was changed.")
    return chosen


def _first_line(name: str) -> str:
    try:
        if name == "-":
            line = sys.stdin.readline(PASSPHRASE_CHARS)
        else:
            with Path(name).open(encoding="utf-8") as file:
                line = file.readline(PASSPHRASE_CHARS)
    except (OSError, UnicodeDecodeError):
        raise _invalid("The file of --passphrase-file cannot be read as text.") from None
    line = line.rstrip("\r\n")
    if not line:
        raise _invalid("The first line of --passphrase-file is empty.")
    return line


def _warn_of_variables(settings: Settings) -> None:
    from server.settings import PREFIX

    names = sorted({one for one in settings.origins.values() if one.upper().startswith(PREFIX)})
    if names:
        say(f"These came from this environment, and must be in a host's too: {', '.join(names)}.")


def _changed(detail: str) -> PurserError:
    return PurserError(ErrorKind.POLICY_CHANGED, detail)


def _invalid(detail: str) -> PurserError:
    return PurserError(ErrorKind.INVALID_ARGUMENT, detail)
