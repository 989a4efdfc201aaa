"""Finds the browser of this machine."""

from __future__ import annotations

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = "No Chromium was found: set CHROMIUM to one, or put chromium, chromium-browser or google-chrome on the PATH."
OPTIONS = ("--no-sandbox",)
"""It opens our own pages only, often as root in a container, where its own sandbox does not start."""


def chromium() -> str | None:
    """The program to start, if there is one."""
    told = os.environ.get("CHROMIUM", "")  # noqa: TID251 - where the browser is, is no setting of the shop
    return told or next((found for name in NAMES if (found := shutil.which(name))), None)
