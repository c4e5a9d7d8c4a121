"""Who Purser is, for everything that is published: one version, one name, one place."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
REPOSITORY = "purser-mcp/purser"
"""The owner and name on GitHub; publishing from anywhere else is refused."""
REPOSITORY_URL = f"https://github.com/{REPOSITORY}"
REGISTRY_NAME = "io.github." + REPOSITORY
SUMMARY = (
    "Lets a model buy things on the web (x402, HTTP 402) within limits that only you can change."
)


def project() -> dict[str, Any]:
    """Return `[project]` of pyproject.toml, which has the version."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
