"""Install the official TypeScript packages once, outside the tree, as the lock file pins them.

Run as a script it installs them and fails loudly; tests call `installed`, and skip where Node is
missing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from platformdirs import user_cache_path

HERE = Path(__file__).resolve().parent
PINS = ("package.json", "package-lock.json")
INSTALL_TIMEOUT_S = 50
"""Within the time that a test has; the script waits longer."""


class NodeMissingError(Exception):
    """The packages cannot be had here; the text says why."""


def installed(timeout_s: float = INSTALL_TIMEOUT_S, pinned_in: Path = HERE) -> Path:
    """Return a folder with the packages in `node_modules`, installing them at the first call.

    Args:
        timeout_s: the longest that npm may take.
        pinned_in: the folder whose package.json and package-lock.json name them.

    Raises:
        NodeMissingError: Node or npm is missing, or the registry cannot be reached.
    """
    for command in ("node", "npm"):
        if shutil.which(command) is None:
            raise NodeMissingError(f"{command} is not installed")
    pins = [pinned_in / name for name in PINS]
    digest = hashlib.sha256(b"".join(pin.read_bytes() for pin in pins)).hexdigest()[:16]
    folder = user_cache_path("purser-tests") / f"node-{digest}"
    if not folder.is_dir():
        _install(folder, pins, timeout_s)
    return folder


def node(script: Path, *, questions: str, timeout_s: float) -> str:
    """Run a script of this folder on the packages and return what it writes to stdout.

    Raises:
        NodeMissingError: the packages cannot be had.
        AssertionError: the script failed.
    """
    with tempfile.TemporaryDirectory() as scratch:
        done = subprocess.run(
            ["node", str(placed(script, Path(scratch)))],
            input=questions,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def placed(script: Path, folder: Path) -> Path:
    """Copy a script beside a link to the packages: Node looks for them where the script is."""
    (folder / "node_modules").symlink_to(installed() / "node_modules")
    return Path(shutil.copy(script, folder))


def _install(folder: Path, pins: list[Path], timeout_s: float) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        for pin in pins:
            shutil.copy(pin, scratch)
        command = ["npm", "ci", "--legacy-peer-deps", "--ignore-scripts", "--no-audit", "--no-fund"]
        try:
            subprocess.run(command, cwd=scratch, check=True, capture_output=True, timeout=timeout_s)
        except (subprocess.SubprocessError, OSError) as error:
            reason = "npm could not install the official packages"
            raise NodeMissingError(reason) from error
        try:
            os.rename(scratch, folder)
        except OSError:
            if not folder.is_dir():  # another process was first
                raise
        else:
            Path(scratch).mkdir()  # what the context manager removes


def main() -> int:
    """Install the packages; where Node is missing that is said and no failure."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        sys.stdout.write("Node is not installed; the tests that need it will be skipped\n")
        return 0
    for pinned_in in (HERE, HERE.parent / "release", HERE.parent / "conformance"):
        sys.stdout.write(f"{installed(timeout_s=600, pinned_in=pinned_in)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
