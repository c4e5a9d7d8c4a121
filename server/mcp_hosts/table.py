"""The table of hosts: where each keeps its servers on each system, and in what form."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any, Literal

Platform = Literal["linux", "macos", "windows"]
Scope = Literal["user", "project"]
_HOLE = re.compile(r"\{([A-Za-z_]+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A row of the table; `project` is a path in the project's folder, or empty."""

    title: str
    format: Literal["json", "toml", "yaml"]
    table: str
    entry: Mapping[str, Any]
    user: Mapping[Platform, list[str]]
    project: str = ""
    found: Sequence[str] = ()
    next: str

    def filled(
        self, *, name: str, command: str, args: list[str], env: Mapping[str, str]
    ) -> dict[str, Any]:
        """Return the entry of a server; one without variables has no such part."""
        parts: dict[str, Any] = {
            "{name}": name,
            "{command}": command,
            "{args}": list(args),
            "{env}": dict(env),
        }
        filled = {
            key: parts.get(value, value) if isinstance(value, str) else value
            for key, value in self.entry.items()
        }
        return {key: value for key, value in filled.items() if value != {}}

    def key_of(self, part: str) -> str:
        """Return what this host calls a part of an entry, such as "env"."""
        return next(key for key, value in self.entry.items() if value == f"{{{part}}}")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What decides where files are: the system, the environment, and two folders."""

    platform: Platform
    environ: Mapping[str, str]
    home: Path
    here: Path

    @classmethod
    def of_this_process(cls) -> Surroundings:
        """Return the surroundings of this process."""
        systems: dict[str, Platform] = {"win32": "windows", "darwin": "macos"}
        platform = systems.get(sys.platform, "linux")
        return cls(platform, os.environ, Path.home(), Path.cwd())


@cache
def hosts() -> dict[str, Host]:
    """Return every host by the name that `purser install` takes."""
    text = Path(__file__).with_name("hosts.toml").read_text(encoding="utf-8")
    return {name: Host(**row) for name, row in tomllib.loads(text).items()}


def candidates(
    templates: Sequence[str], platform: Platform, environ: Mapping[str, str], home: PurePath
) -> list[PurePath]:
    """Return the paths whose variables are all set to absolute ones, in order; no disk is asked."""
    kind = PureWindowsPath if platform == "windows" else PurePosixPath
    known = {**environ, "home": str(home)}
    found: list[PurePath] = []
    for template in templates:
        values = [known.get(name, "") for name in _HOLE.findall(template)]
        if all(kind(value).is_absolute() for value in values):
            found.append(kind(_HOLE.sub(lambda hole: known[hole[1]], template)))
    return found


def config_file(host: Host, scope: Scope, where: Surroundings) -> Path:
    """Return the file of a host that is to be edited; it need not exist."""
    if scope == "project":
        return where.here / host.project
    templates = host.user[where.platform]
    paths = [Path(one) for one in candidates(templates, where.platform, where.environ, where.home)]
    return next(path for one in paths for path in _existing_folders(one))


def is_found(host: Host, where: Surroundings) -> bool:
    """Tell whether a host seems to be installed for this user."""
    file = config_file(host, "user", where)
    marks = candidates(host.found, where.platform, where.environ, where.home) or [file.parent]
    return file.exists() or any(Path(mark).exists() for mark in marks)


def _existing_folders(path: Path) -> list[Path]:
    """Return the path itself, or, with a *, those whose folder of that pattern exists.

    A file that exists comes before one that does not.
    """
    stars = [number for number, part in enumerate(path.parts) if "*" in part]
    if not stars:
        return [path]
    folder, rest = Path(*path.parts[: stars[0]]), path.parts[stars[0] + 1 :]
    found = [one.joinpath(*rest) for one in sorted(folder.glob(path.parts[stars[0]]))]
    return sorted(found, key=lambda one: not one.exists())
