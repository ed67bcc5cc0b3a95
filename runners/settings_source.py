"""Reads shipway.yml from this machine's disk and environment. What it means is `pipeline.settings_file`'s business."""

import os
from pathlib import Path

from pipeline.errors import BadConfig
from pipeline.settings import Settings
from pipeline.settings_file import parse_settings


def load_settings(path: str) -> Settings:
    """Raises `BadConfig`, naming the file."""
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise BadConfig(
            f"There is no configuration at {path}. `shipway init` writes one; --config or SHIPWAY_CONFIG names another."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(f"The configuration {path} cannot be read: {error}.") from error
    return parse_settings(text, os.environ, read_secret_file, str(file.resolve().parent))


def read_secret_file(path: str) -> str:
    """For `file:PATH` values. The newline that editors add is no part of a secret."""
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(f"The secret file {path} cannot be read: {error}.") from error
