"""The pepper: what is mixed into every key's digest, and never kept beside the digests."""

from __future__ import annotations

import secrets
from ipaddress import ip_address
from pathlib import Path

from casa.errors import InvalidSettings
from casa.private_file import keep_private
from casa.settings import Settings

FILE = "pepper"
"""Its name in the data folder, where a loopback start keeps the one it makes."""


def is_loopback(host: str) -> bool:
    """Can only this machine reach a service bound to `host`?"""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def find_pepper(settings: Settings) -> bytes | None:
    """The pepper of the settings, or the one that was kept; None if there is neither."""
    if settings.key_pepper is not None:
        return settings.key_pepper.get_secret_value().encode()
    try:
        return _path(settings).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidSettings(f"the pepper {_path(settings)} cannot be read: {error.strerror}") from error


def keep_pepper(settings: Settings) -> bytes:
    """The pepper there is, or a new one, kept for the next start. Two starts at once get the same."""
    pepper = find_pepper(settings)
    if pepper is not None:
        return pepper
    try:
        return keep_private(_path(settings), secrets.token_hex(32)).encode()
    except OSError as error:
        raise InvalidSettings(f"the pepper {_path(settings)} cannot be written: {error.strerror}") from error


def _path(settings: Settings) -> Path:
    return settings.data_dir / FILE
