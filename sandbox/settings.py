"""What the sandbox is told from outside, read once from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from errors import ConfigError
from sandbox.signing import SCHEMES

_TOP_PORT = 65535


@dataclass(frozen=True, slots=True)
class Settings:
    """How the sandbox listens, where Duka is, and the secrets both sides share.

    ``webhook_secret`` is the one we sign with: the first, when several are listed for rotation.
    """

    port: int
    duka_url: str
    api_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    signature_scheme: str = "body-hex"
    shop_name: str = "Duka"

    @property
    def base_url(self) -> str:
        """Return the address of the sandbox as Duka and the browser reach it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def duka_origin(self) -> str:
        """Return scheme and host of Duka, the only outside source of pictures on the page."""
        parts = urlsplit(self.duka_url)
        return f"{parts.scheme}://{parts.netloc}"

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Settings:
        """Read the settings.

        Raises:
            ConfigError: production, or anything missing or unreadable; every problem at once.
        """
        if env.get("DUKA_ENV", "").strip().lower() == "production":
            raise ConfigError(
                ["The sandbox plays Ghala with pretend money and does not start with DUKA_ENV=production."]
            )
        problems: list[str] = []
        port_text = env.get("SANDBOX_PORT", "8010").strip()
        port = int(port_text) if port_text.isascii() and port_text.isdigit() else 0
        if not 0 < port <= _TOP_PORT:
            problems.append(f"SANDBOX_PORT must be a port number, not {port_text!r}.")
        duka_url = env.get("DUKA_URL", "http://127.0.0.1:8000").strip().rstrip("/")
        if urlsplit(duka_url).scheme not in {"http", "https"} or not urlsplit(duka_url).hostname:
            problems.append(f"DUKA_URL must be an http address, not {duka_url!r}.")
        api_key = env.get("GHALA_API_KEY", "").strip()
        if not api_key:
            problems.append("GHALA_API_KEY is missing: set the same value as for Duka.")
        secret = next((s.strip() for s in env.get("GHALA_WEBHOOK_SECRET", "").split(",") if s.strip()), "")
        if not secret:
            problems.append("GHALA_WEBHOOK_SECRET is missing: set the same value as for Duka.")
        scheme = env.get("GHALA_SIGNATURE_SCHEME", "").strip() or "body-hex"
        if scheme not in SCHEMES:
            problems.append(f"GHALA_SIGNATURE_SCHEME must be one of {', '.join(SCHEMES)}, not {scheme!r}.")
        if problems:
            raise ConfigError(problems)
        shop_name = env.get("SHOP_NAME", "").strip() or "Duka"
        return cls(port, duka_url, api_key, secret, scheme, shop_name)
