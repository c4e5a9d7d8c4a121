"""Where Purser keeps its things: PURSER_HOME, or the platform's folder for a user's data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from server.settings import SettingsError
from wallet.files import make_private_folder

HOME_VARIABLE = "PURSER_HOME"


def purser_home(environ: Mapping[str, str]) -> Path:
    """Return the folder of this user's Purser, created for this user alone (0700) if need be.

    Raises:
        SettingsError: PURSER_HOME is not an absolute path, or the folder cannot be made.
    """
    home = purser_home_path(environ)
    try:
        make_private_folder(home)
    except OSError as error:
        raise SettingsError([f"{home}: cannot be made: {error.strerror}"]) from None
    return home


def purser_home_path(environ: Mapping[str, str]) -> Path:
    """Return the folder of this user's Purser, whether it exists or not.

    Raises:
        SettingsError: PURSER_HOME is not an absolute path.
    """
    text = environ.get(HOME_VARIABLE, "")
    if not text:
        from platformdirs import user_data_path

        return user_data_path("purser", appauthor=False)
    try:
        home = Path(text).expanduser()
    except RuntimeError:
        raise SettingsError([f"{HOME_VARIABLE}: has no home folder to stand for ~"]) from None
    if not home.is_absolute():
        raise SettingsError([f"{HOME_VARIABLE}: must be an absolute path"])
    return home
