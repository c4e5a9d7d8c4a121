"""Which settings a seal covers, and how each is written for it."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from server.settings import Settings, setting_name
from server.settings_models import NAMED, SECTIONS, LedgerSettings, Section
from wallet.seal import Policy

NOT_SEALED = {
    "fetch.timeout_s": "how long a fetch may take; what it may cost is decided before",
    "directories.cache_s": "how old a list of services may be; its prices decide nothing",
    "directories.wait_s": "how long a directory may take to answer",
    "fetch.max_body_bytes": "how much of an answer is kept; a paid one costs the same cut short",
    "server.legacy_only": "which revision of MCP the host is spoken to in; none of them pays more",
}
"""Everything else is sealed: a setting that is new is sealed until it is named here, and why."""


def policy_of(settings: Settings) -> Policy:
    """Return the sealed settings as they are in force, from wherever they come.

    `ledger.url` stands for where the ledger really lies: a copy of the folder elsewhere would
    start every budget afresh. What may hold a password or an API key is written as its hash.
    """
    values: dict[str, str] = {}
    defaults: set[str] = set()
    for section, model in SECTIONS.items():
        set_to, default = getattr(settings, section), model()
        for field in model.model_fields:
            name = setting_name((section, field))
            if name in NOT_SEALED:
                continue
            values[name] = _written(set_to, field)
            if values[name] == _written(default, field):
                defaults.add(name)
    where = _real_place(settings.ledger_path())
    values["ledger.url"] = _hashed(where)
    for section, model in NAMED.items():
        named: dict[str, Section] = getattr(settings, section)
        for name, chosen in named.items():
            for field in model.model_fields:
                values[setting_name((section, name, field))] = _written(chosen, field)
    return Policy(values, frozenset(defaults))


def is_secret(name: str) -> bool:
    """Tell whether a setting may hold a password or an API key, so that its value is not shown."""
    section, field = name.split(".", 1)[0], name.rsplit(".", 1)[-1]
    model = NAMED.get(section) or SECTIONS.get(section, LedgerSettings)
    found = model.model_fields.get(field)
    return found is None or not found.repr


def shown(value: Any) -> str:
    """Write a value as the seal and the commands show it: a list as JSON, no limit as nothing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return json.dumps(value)
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True)
    return "" if value is None else str(value)


def _written(section: Section, field: str) -> str:
    text = shown(getattr(section, field))
    return text if type(section).model_fields[field].repr else _hashed(text)


def _hashed(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _real_place(path: Path) -> str:
    return os.path.normcase(os.path.realpath(path))
