"""Who runs this command, for the audit."""

from __future__ import annotations

import getpass
import os


def actor() -> str:
    """The user's name, or number where there is no name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user often has no name
        return f"uid {os.getuid()}"
