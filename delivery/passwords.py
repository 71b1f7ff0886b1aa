"""The passwords of compose.yaml, made once: files in a folder that only its owner can enter, and the way to it in .env.

Anybody may read the files themselves, since each container has a user of its own; nobody else gets into the folder.

Example: python -m delivery.passwords
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp

from casa.private_file import write_private

PROJECT = Path(__file__).parents[1]
FOLDER = ".secrets"
NAME = "SECRETS_FOLDER"
"""What compose.yaml asks `.env` for."""
ROLES = """\
CREATE ROLE casa LOGIN PASSWORD '{casa}';
CREATE ROLE mlflow LOGIN PASSWORD '{mlflow}';
CREATE DATABASE casa OWNER casa;
CREATE DATABASE mlflow OWNER mlflow;
REVOKE CONNECT ON DATABASE casa, mlflow, postgres FROM PUBLIC;
"""
"""Neither role is a superuser, nor opens the other's database."""


def main() -> None:
    """Make them, unless they are there."""
    keep(PROJECT)


def keep(project: Path) -> Path:
    """The folder of the project's passwords, made if it is not there; SystemExit if others can enter it."""
    folder = project / FOLDER
    if not folder.exists():
        _make(folder)
    if folder.stat().st_mode & 0o077:
        raise SystemExit(f"others can enter {folder}: chmod 700 {FOLDER}")
    _lead(project / ".env")
    return folder


def _make(folder: Path) -> None:
    """All at once: of two that make them, one wins for both."""
    draft = Path(mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))  # its mode is 0700
    try:
        for name, text in _files().items():
            (draft / name).write_text(text, encoding="ascii")
            (draft / name).chmod(0o444)
        draft.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _files() -> Mapping[str, str]:
    casa, mlflow, redis = (secrets.token_hex(24) for _ in range(3))
    return {
        "postgres_password": secrets.token_hex(24),
        "roles.sql": ROLES.format(casa=casa, mlflow=mlflow),
        "casa_database_url": f"postgresql://casa:{casa}@postgres:5432/casa",
        "mlflow_database_url": f"postgresql+psycopg://mlflow:{mlflow}@postgres:5432/mlflow",
        "redis_password": redis,
        "casa_redis_url": f"redis://default:{redis}@redis:6379/0",
        "casa_key_pepper": secrets.token_hex(32),
    }


def _lead(env: Path) -> None:
    """Name the folder in .env, beside what its owner has written there."""
    text = env.read_text(encoding="utf-8") if env.exists() else ""
    lines = text.splitlines()
    if not any(line.startswith(f"{NAME}=") for line in lines):
        write_private(env, "\n".join([*lines, f"{NAME}=./{FOLDER}", ""]))


if __name__ == "__main__":
    main()
