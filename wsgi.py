"""What gunicorn and the ``flask`` command load."""

from __future__ import annotations

import sys

from app import create_app
from config import Config
from errors import ConfigError

try:
    app = create_app(Config.from_env())
except ConfigError as error:
    sys.stderr.write("\n".join(["Duka cannot start:", *(f"  - {p}" for p in error.problems), ""]))
    raise SystemExit(1) from error
