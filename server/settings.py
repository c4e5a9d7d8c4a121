"""What the user set: config.toml and the environment, read once, strictly, before anything runs.

Precedence, strongest first: `PURSER_<SECTION>__<NAME>` in the environment, config.toml in
PURSER_HOME, the defaults. A network's servers are `PURSER_NETWORK__EIP155_8453__RPC_URLS`. Lists
and objects in the environment are JSON. An unknown name or a bad value stops the start, wherever
it stands.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pydantic import ValidationError

from server.play_money import play_problems
from server.settings_models import (
    NAMED,
    SECTIONS,
    Approvals,
    Batch,
    Budget,
    Config,
    Directories,
    Fetch,
    Hosts,
    LedgerSettings,
    NetworkSettings,
    Serving,
    Upstream,
    Wallet,
    from_text,
)
from wallet.assets import networks

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from tools.web.guard import HostRules

CONFIG_FILE = "config.toml"
LEDGER_FILE = "ledger.sqlite3"
PURCHASES_FOLDER = "purchases"
DIRECTORIES_FOLDER = "directories"
PREFIX = "PURSER_"
NOT_SETTINGS = frozenset({"PURSER_HOME", "PURSER_PRIVATE_KEY", "PURSER_PASSPHRASE"})

# By pydantic's error type; its own texts are not used, because some quote the value.
_REASONS = {
    "extra_forbidden": "is not a setting",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "string_type": "must be text in quotes",
    "tuple_type": 'must be a list, such as ["a", "b"]',
    "too_short": "needs at least one entry",
    "model_type": "must be a table",
    "dict_type": "must be a table",
    "missing": "is missing",
}


class SettingsError(Exception):
    """The settings cannot be used: one line per problem, with its place and the reason.

    No value is ever quoted: some hold API keys or passwords.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, checked; the sections mirror config.toml."""

    home: Path
    budget: Budget
    hosts: Hosts
    wallet: Wallet
    network: Mapping[str, NetworkSettings] = field(repr=False)
    ledger: LedgerSettings
    batch: Batch
    approvals: Approvals
    fetch: Fetch
    directories: Directories
    server: Serving
    upstream: Mapping[str, Upstream] = field(default_factory=dict[str, Upstream], repr=False)
    origins: Mapping[str, str] = field(default_factory=dict[str, str], repr=False, compare=False)
    """By name, the variable or the file a setting came from; not named are those at default."""

    @classmethod
    def of(cls, home: Path, config: Config, origins: Mapping[str, str] | None = None) -> Settings:
        """Join a checked configuration and the folder it belongs to."""
        return cls(
            home,
            config.budget,
            config.hosts,
            config.wallet,
            config.network,
            config.ledger,
            config.batch,
            config.approvals,
            config.fetch,
            config.directories,
            config.server,
            config.upstream,
            origins or {},
        )

    def ledger_path(self) -> Path:
        """Return the file of the SQLite ledger."""
        return Path(self.ledger.url) if self.ledger.url else self.home / LEDGER_FILE

    def purchases_path(self) -> Path:
        """Return the folder of bought content."""
        return self.home / PURCHASES_FOLDER

    def directories_path(self) -> Path:
        """Return the folder of what directories answered; it may be deleted at any time."""
        return self.home / DIRECTORIES_FOLDER

    def rpc_urls(self, network_id: str) -> tuple[str, ...]:
        """Return a known network's RPC URLs in order: the user's own, or else the table's.

        Raises:
            KeyError: the network is not in the table.
        """
        chosen = self.network.get(network_id)
        return networks()[network_id].rpc_urls if chosen is None else chosen.rpc_urls

    def host_rules(self) -> HostRules:
        """Return `[hosts]` as the guard of the web takes it."""
        from tools.web.guard import HostRules

        hosts = self.hosts
        return HostRules(hosts.mode, hosts.allow, hosts.deny, hosts.private_ok)


def load_settings(
    home: Path | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    config_text: str | None = None,
) -> Settings:
    """Read the settings of a folder; a missing config.toml means the defaults.

    Args:
        home: PURSER_HOME; None finds and creates it.
        environ: the environment, by default the process's own.
        config_text: what config.toml is to hold, to be checked before it is written.

    Raises:
        SettingsError: something is unreadable, unknown or out of bounds.
    """
    variables = os.environ if environ is None else environ
    if home is None:
        from server.paths import purser_home

        home = purser_home(variables)
    path = home / CONFIG_FILE
    data = _parsed(read_config(path) if config_text is None else config_text, path)
    origins = dict.fromkeys(map(setting_name, _leaves(data)), CONFIG_FILE)
    places, problems = _overlay(data, variables)
    origins |= {setting_name(where): variable for where, variable in places.items()}
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        problems += [_problem(found, places, path) for found in error.errors(include_url=False)]
    else:
        problems += play_problems(home, config.wallet.networks)
        if not problems:
            return Settings.of(home, config, origins)
    raise SettingsError(problems) from None


def setting_name(where: tuple[str, ...]) -> str:
    """Return a setting's name as people read it: `network."eip155:8453".rpc_urls`."""
    return _key(where)


def _leaves(data: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in data.items():
        if isinstance(value, dict) and len(above) < 2:
            yield from _leaves(cast("dict[str, Any]", value), (*above, name))
        else:
            yield (*above, name)


def read_config(path: Path) -> str:
    """Return the text of config.toml with its own line ends; empty when there is none.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise SettingsError([f"{path}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise SettingsError([f"{path}: is not UTF-8 text"]) from None


def _parsed(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([f"{path}: is not valid TOML{_position(error)}"]) from None
    except RecursionError:
        raise SettingsError([f"{path}: is nested too deeply"]) from None


def _position(error: tomllib.TOMLDecodeError) -> str:
    """Return only the position that tomllib names; the rest of its text may quote the file."""
    _, found, position = str(error).rpartition(" (at ")
    return f" (at {position}" if found else ""


def _overlay(
    data: dict[str, Any], environ: Mapping[str, str]
) -> tuple[dict[tuple[str, ...], str], list[str]]:
    """Lay the environment over the file; return where each such setting came from."""
    places: dict[tuple[str, ...], str] = {}
    problems: list[str] = []
    for name in sorted(environ):
        where = _named(name)
        if where is None:
            if name.upper().startswith(PREFIX) and name.upper() not in NOT_SETTINGS:
                problems.append(f"{name}: is not a setting; write PURSER_<SECTION>__<NAME>")
            continue
        model = NAMED.get(where[0]) or SECTIONS.get(where[0])
        if model is None or len(where) != len(_path(model, where)):
            problems.append(f"{name}: is not a setting")
            continue
        try:
            value = from_text(model, where[-1], environ[name])
        except ValueError as error:
            problems.append(f"{name}: {error}")
            continue
        places[where] = name
        _put(data, where, value)
    return places, problems


def _named(variable: str) -> tuple[str, ...] | None:
    """Return the path a variable names (any case), or None when it is not about settings."""
    upper = variable.upper()
    if not upper.startswith(PREFIX) or "__" not in upper:
        return None
    section, *rest = upper.removeprefix(PREFIX).lower().split("__")
    if section == "network" and rest:
        rest[0] = rest[0].replace("_", ":", 1)
    if section == "upstream" and rest:
        rest[0] = rest[0].replace("_", "-")
    return (section, *rest)


def _path(model: type[Any], where: tuple[str, ...]) -> tuple[str, ...]:
    """Return the path a setting of this model must have; empty when it has no such setting."""
    if where[-1] not in model.model_fields:
        return ()
    return where[:3] if where[0] in NAMED else where[:2]


def _put(data: dict[str, Any], where: tuple[str, ...], value: object) -> None:
    table = data
    for part in where[:-1]:
        inner = table.setdefault(part, {})
        if not isinstance(inner, dict):
            return  # the file has something else there, which is reported as its own problem
        table = cast("dict[str, Any]", inner)
    table[where[-1]] = value


def _problem(error: ErrorDetails, places: Mapping[tuple[str, ...], str], path: Path) -> str:
    where = tuple(str(part) for part in error["loc"])
    for length in range(len(where), 0, -1):
        if where[:length] in places:
            return f"{places[where[:length]]}: {_reason(error, where)}"
    return f"{path}: {_key(error['loc'])}: {_reason(error, where)}"


def _key(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f" entry {part + 1}"
        else:
            quoted = part if part.isidentifier() else f'"{part[:60]}"'
            text += f".{quoted}" if text else quoted
    return text


def _reason(error: ErrorDetails, where: tuple[str, ...]) -> str:
    context = error.get("ctx", {})
    match error["type"]:
        case "value_error":
            return str(context["error"])
        case "literal_error":
            return f"must be {context['expected']}"
        case "greater_than_equal":
            return f"must be at least {context['ge']}"
        case "less_than_equal":
            return f"must be at most {context['le']}"
        case "extra_forbidden":
            return _REASONS["extra_forbidden"] + _suggestion(where)
        case kind:
            return _REASONS.get(kind, "is not valid")


def _suggestion(where: tuple[str, ...]) -> str:
    from difflib import get_close_matches

    model = Config if len(where) == 1 else SECTIONS.get(where[0]) or NAMED[where[0]]
    close = get_close_matches(where[-1], model.model_fields, n=1)
    return f"; did you mean {close[0]}?" if close else ""
