"""The entry in the MCP registry: `uv run python release/registry.py` writes server.json."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
for _folder in (str(HERE), str(HERE.parent)):
    if _folder not in sys.path:
        sys.path.insert(0, _folder)

from identity import REGISTRY_NAME, REPOSITORY_URL, ROOT, SUMMARY, project  # noqa: E402

SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"


def entry() -> dict[str, Any]:
    """Return the entry of this version."""
    version = project()["version"]
    return {
        "$schema": SCHEMA,
        "name": REGISTRY_NAME,
        "title": "Purser",
        "description": SUMMARY,
        "repository": {"url": REPOSITORY_URL, "source": "github"},
        "version": version,
        "packages": [
            {
                "registryType": "pypi",
                "identifier": project()["name"],
                "version": version,
                "runtimeHint": "uvx",
                "transport": {"type": "stdio"},
                "packageArguments": [{"type": "positional", "value": "serve"}],
                "environmentVariables": _variables(),
            }
        ],
    }


def _variables() -> list[dict[str, Any]]:
    from server.settings_models import Budget

    limits = {
        "PER_PAYMENT": "The most that one payment may cost, in US dollars",
        "PER_HOST_PER_DAY": "The most for one site in a UTC day, in US dollars",
        "PER_DAY": "The most in a UTC day, in US dollars",
    }
    budget = [
        {
            "name": f"PURSER_BUDGET__{name}",
            "description": what,
            "default": str(Budget.model_fields[name.lower()].default),
        }
        for name, what in limits.items()
    ]
    return [
        {
            "name": "PURSER_PASSPHRASE",
            "description": "Opens keystore.json; a key in the system's keyring needs none",
            "isSecret": True,
        },
        {
            "name": "PURSER_HOME",
            "description": "Purser's folder, when it is not the usual one",
            "format": "filepath",
        },
        *budget,
    ]


if __name__ == "__main__":
    (ROOT / "server.json").write_text(json.dumps(entry(), indent=2) + "\n", encoding="utf-8")
