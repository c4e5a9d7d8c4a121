"""How this Purser is started: by a person in a shell, and by a host from anywhere."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "purser-mcp"
_PLACES = ("PURSER_HOME", "PURSER_LEDGER__URL")  # where this Purser's own ledger is
_UNDER_UV = "UV"  # `uv run` and `uvx` set it to the path of uv


def command_line(
    environ: Mapping[str, str] | None = None, *, root: Path = ROOT, scripts: Path | None = None
) -> str:
    """Return what to type before a subcommand: `purser`, `uv run purser`, or what else runs it.

    Args:
        environ: the environment, by default the process's own.
        root: the folder that the packages are in: a checkout when it has a pyproject.toml.
        scripts: the folder of this interpreter's own commands. Under uv it is on PATH for as long
            as this process lives, so a `purser` there cannot be typed afterwards.
    """
    variables = os.environ if environ is None else environ
    if _installed(variables, scripts or _own_scripts()) is not None:
        return "purser"
    if not (root / "pyproject.toml").is_file():
        return f"uvx --from {PACKAGE} purser" if _UNDER_UV in variables else "purser"
    if Path.cwd().is_relative_to(root):
        return "uv run purser"
    return f"uv run --project {quoted(str(root))} purser"


def host_command(
    environ: Mapping[str, str] | None = None, *, root: Path = ROOT, scripts: Path | None = None
) -> list[str]:
    """Return what a host runs, in absolute paths: a host has another PATH and another folder.

    It starts the Purser that is running now, the way that this one was started: through uv from a
    checkout or by the package's name, or as a program of its own.
    """
    variables = os.environ if environ is None else environ
    own = scripts or _own_scripts()
    started_by, is_checkout = variables.get(_UNDER_UV), (root / "pyproject.toml").is_file()
    if started_by is None and (program := _own_program(variables, own)) is not None:
        return [program, "serve"]
    uv = started_by or (_found("uv", variables) if is_checkout else None)
    if uv is not None and is_checkout:
        return [uv, "run", "--directory", str(root), "purser", "serve"]
    if (installed := _installed(variables, own)) is not None:
        return [installed, "serve"]
    if uv is not None:
        return [uv, "tool", "run", "--from", PACKAGE, "purser", "serve"]
    return [sys.executable, "-P", "-m", "purser_mcp", "serve"]


def host_environment(*, needs_passphrase: bool) -> dict[str, str]:
    """Return what a host must pass on: it starts Purser without a terminal, in its own environment.

    The passphrase is named, never shown.
    """
    env: dict[str, str] = {}
    if home := os.environ.get("PURSER_HOME"):
        env["PURSER_HOME"] = home
    if needs_passphrase:
        env |= {"PURSER_PASSPHRASE": "(the passphrase)"}
    return env


def as_typed(text: str) -> str:
    """Write each command in a text, such as `purser init`, as it has to be typed here."""
    return text.replace("`purser ", f"`{command_line()} ")


def for_person(text: str) -> str:
    """Write each command in a text as a person types it who sits beside the host that runs this."""
    return text.replace("`purser ", f"`{wallet_command()} ")


def wallet_command(variables: Mapping[str, str] | None = None) -> str:
    """Return what to type before a subcommand to reach this very wallet, from any shell and folder.

    The person's shell is in another folder, and lacks what was set for this process to find its
    ledger. On Windows it is written for PowerShell.

    Args:
        variables: what to set for the command, by default what was set here to find the ledger.
    """
    places = places_in(os.environ) if variables is None else variables
    command = command_line()
    if command == "uv run purser":
        command = f"uv run --project {quoted(str(ROOT))} purser"
    if os.name == "nt":
        sets = [f"$env:{name}={_for_powershell(value)}; " for name, value in places.items()]
    else:
        sets = [f"{name}={quoted(value)} " for name, value in places.items()]
    return "".join(sets) + command


def places_in(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of an environment that say where its ledger is."""
    return {name: environ[name] for name in _PLACES if environ.get(name)}


def quoted(word: str) -> str:
    """Quote a word for the shell that is usual here."""
    if os.name == "nt":
        return f'"{word}"' if set(word) & set(" ()&;") else word
    return shlex.quote(word)


def _for_powershell(word: str) -> str:
    return "'" + word.replace("'", "''") + "'"


def _own_scripts() -> Path:
    return Path(sys.executable).parent


def _own_program(variables: Mapping[str, str], scripts: Path) -> str | None:
    """Return the program that belongs to this interpreter, by the path that a person knows."""
    own, known = _found("purser", {"PATH": str(scripts)}), _found("purser", variables)
    if own is None or known is None:
        return own
    return known if Path(known).resolve() == Path(own).resolve() else own


def _installed(variables: Mapping[str, str], scripts: Path) -> str | None:
    """Return where a `purser` is that can still be typed when this process has ended."""
    if _UNDER_UV not in variables:
        return _found("purser", variables)
    folders = variables.get("PATH", "").split(os.pathsep)
    lasting = [one for one in folders if one and Path(one) != scripts]
    return _found("purser", {**variables, "PATH": os.pathsep.join(lasting)})


def _found(name: str, variables: Mapping[str, str]) -> str | None:
    found = shutil.which(name, path=variables.get("PATH", ""))
    return None if found is None else str(Path(found).absolute())
