"""The manifest of the bundle, and what a manifest may hold (MCPB manifest 0.4)."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from identity import REPOSITORY_URL, SUMMARY, project
from pydantic import BaseModel, ConfigDict, Field

from server.registry import ENTRIES
from server.settings_models import DEFAULT_NETWORK, Budget

ICON = "icon.png"
ENTRY_POINT = "purser_mcp/bundled.py"
_SETTING = re.compile(r"\$\{user_config\.(\w+)\}")
_MODULE = ("python", "-P", "-m", "purser_mcp.bundled")
_URI = r"^https://\S+$"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Author(_Part):
    """`author`."""

    name: str
    url: str | None = Field(default=None, pattern=_URI)


class Repository(_Part):
    """`repository`."""

    type: str
    url: str = Field(pattern=_URI)


class McpConfig(_Part):
    """`server.mcp_config`: what the host runs."""

    command: str = Field(min_length=1)
    args: list[str]
    env: dict[str, str]


class Server(_Part):
    """`server`, of the kind that the host runs with its own uv."""

    type: Literal["uv"]
    entry_point: str
    mcp_config: McpConfig


class Named(_Part):
    """An entry of `tools`."""

    name: str
    description: str


class Compatibility(_Part):
    """`compatibility`."""

    platforms: list[Literal["darwin", "win32", "linux"]]
    runtimes: dict[Literal["python"], str]


class Option(_Part):
    """A field that the host asks its user to fill in."""

    type: Literal["string", "number", "boolean", "directory", "file"]
    title: str
    description: str
    required: bool = False
    sensitive: bool = False
    default: str | int | None = None
    min: int | float | None = None
    max: int | None = None


class Manifest(_Part):
    """A whole manifest, with the parts that Purser uses and no other."""

    manifest_version: Literal["0.4"]
    name: str = Field(pattern=r"^[a-z0-9-]+$")
    display_name: str
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    description: str
    long_description: str
    author: Author
    repository: Repository
    homepage: str = Field(pattern=_URI)
    documentation: str = Field(pattern=_URI)
    icon: str
    server: Server
    tools: Annotated[list[Named], Field(min_length=1)]
    tools_generated: bool
    keywords: list[str]
    license: str
    compatibility: Compatibility
    user_config: dict[str, Option]


def _money(title: str, setting: str, what: str) -> dict[str, Any]:
    default = str(Budget.model_fields[setting].default)
    dollars = int(default.removesuffix(".00")) if default.endswith(".00") else float(default)
    bounds = {"default": dollars, "min": 0.01, "max": 10_000}
    return {"type": "number", "title": title, "description": what, **bounds}


def user_config() -> dict[str, dict[str, Any]]:
    """Return the fields that the host shows; each reaches Purser as a variable."""
    text = {"type": "string"}
    return {
        "per_payment": _money(
            "Most for one payment, USD", "per_payment", "A dearer one is refused."
        ),
        "per_host_per_day": _money(
            "Most for one site in a day, USD", "per_host_per_day", "UTC days."
        ),
        "per_day": _money("Most in a day, USD", "per_day", "For all sites together."),
        "total": {
            "type": "number",
            "title": "Most in all, USD",
            "description": "Empty: no limit beside the others.",
            "min": 0.01,
            "max": 1_000_000,
        },
        "network": {
            **text,
            "title": "Network",
            "description": "eip155:8453 is Base; eip155:84532 is its test network, for play money.",
            "default": DEFAULT_NETWORK,
        },
        "passphrase": {
            **text,
            "title": "Passphrase of keystore.json",
            "description": "Leave it empty if `purser init` put the key into the system's keyring.",
            "sensitive": True,
        },
        "private_key": {
            **text,
            "title": "Private key, instead of a wallet made by `purser init`",
            "description": "The key of a wallet that holds no more than you can afford to lose.",
            "sensitive": True,
        },
        "home": {
            "type": "directory",
            "title": "Purser's folder",
            "description": "Ledger, receipts and bought pages. Empty: the usual folder for data.",
        },
    }


VARIABLES = {
    "PURSER_BUDGET__PER_PAYMENT": "${user_config.per_payment}",
    "PURSER_BUDGET__PER_HOST_PER_DAY": "${user_config.per_host_per_day}",
    "PURSER_BUDGET__PER_DAY": "${user_config.per_day}",
    "PURSER_BUDGET__TOTAL": "${user_config.total}",
    "PURSER_WALLET__NETWORKS": '["${user_config.network}"]',
    "PURSER_PASSPHRASE": "${user_config.passphrase}",
    "PURSER_PRIVATE_KEY": "${user_config.private_key}",
    "PURSER_HOME": "${user_config.home}",
}


def manifest() -> dict[str, Any]:
    """Return the manifest of this version."""
    about = project()
    return {
        "manifest_version": "0.4",
        "name": "purser",
        "display_name": "Purser",
        "version": about["version"],
        "description": SUMMARY,
        "long_description": (
            "Purser pays for pages and tools that answer 402 Payment Required, in US dollar "
            "tokens, and hands back the content with a receipt. It spends real money: keep a few "
            "dollars in its wallet, and no more than you can afford to lose."
        ),
        "author": {"name": "The Purser maintainers", "url": REPOSITORY_URL},
        "repository": {"type": "git", "url": f"{REPOSITORY_URL}.git"},
        "homepage": REPOSITORY_URL,
        "documentation": f"{REPOSITORY_URL}/blob/main/docs/hosts.md",
        "icon": ICON,
        "server": {
            "type": "uv",
            "entry_point": ENTRY_POINT,
            "mcp_config": {
                "command": "uv",
                "args": ["run", "--directory", "${__dirname}", "--frozen", "--no-dev", *_MODULE],
                "env": VARIABLES,
            },
        },
        "tools": [{"name": one.function.__name__, "description": one.title} for one in ENTRIES],
        "tools_generated": True,
        "keywords": about["keywords"],
        "license": about["license"],
        "compatibility": {
            "platforms": ["darwin", "win32", "linux"],
            "runtimes": {"python": about["requires-python"]},
        },
        "user_config": user_config(),
    }


def problems(found: dict[str, Any], files: set[str]) -> list[str]:
    """Return what is wrong with a manifest in a bundle of these files, beyond its form.

    Raises:
        pydantic.ValidationError: its form.
    """
    checked = Manifest.model_validate(found)
    wrong = [f"{name} is not in the bundle" for name in _named(checked) if name not in files]
    used = set(_SETTING.findall(" ".join(checked.server.mcp_config.env.values())))
    wrong += [f"{name} is asked for and not used" for name in checked.user_config.keys() - used]
    wrong += [f"{name} is used and not asked for" for name in used - checked.user_config.keys()]
    wrong += [
        f"{name} may be read by others"
        for name, option in checked.user_config.items()
        if name in ("passphrase", "private_key") and not option.sensitive
    ]
    return sorted(wrong)


def _named(found: Manifest) -> tuple[str, ...]:
    return (found.icon, found.server.entry_point, "pyproject.toml", "uv.lock")
