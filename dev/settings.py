"""What the shop on this machine is told: secrets made once and kept, the engineer's own values above them."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

from config import Config
from dev.trouble import Trouble
from errors import ConfigError

KEPT: Final = "dev.env"
HOST: Final = "127.0.0.1"
CONSONANTS: Final = "bdfghjklmnprstvz"
VOWELS: Final = "aeiou"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the bootstrap needs to know; ``environment`` is what every process is started with."""

    environment: Mapping[str, str]
    config: Config
    sandbox_port: int
    with_valkey: bool
    with_sandbox: bool
    password_is_ours: bool
    """Whether the admin password was generated here, so that it may be shown."""

    @property
    def shop_url(self) -> str:
        """Where the web process answers."""
        return f"http://{HOST}:{self.config.port}"

    @property
    def sandbox_url(self) -> str:
        """Where the sandbox and its phone answer."""
        return f"http://{HOST}:{self.sandbox_port}"


def readable_password() -> str:
    """Four pronounceable groups such as ``kima-todu-fela-runi``: 50 bits, easy to type from one screen to another."""
    syllables = [secrets.choice(CONSONANTS) + secrets.choice(VOWELS) for _ in range(8)]
    return "-".join(first + second for first, second in zip(syllables[::2], syllables[1::2], strict=True))


def read(path: Path) -> dict[str, str]:
    """The values of an env file that say something; a missing file says nothing.

    Raises:
        Trouble: when it is there and cannot be read.
    """
    if not path.exists():
        return {}
    try:
        return {name: value for name, value in dotenv_values(path).items() if value and value.strip()}
    except (OSError, UnicodeDecodeError) as problem:
        raise Trouble(f"The file {path} cannot be read ({problem}).") from problem


def keep(path: Path, values: Mapping[str, str]) -> None:
    """Write values for the next run, readable by nobody else, complete or not at all."""
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    lines = ["# Made by `make run` for this machine only. Delete it to get new secrets."]
    lines += [f"{name}={value}" for name, value in values.items()]
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123 - born 0600
        file.write("\n".join(lines) + "\n")
    beside.replace(path)


def busy(port: int) -> bool:
    """Whether something else listens on this machine's port.

    Asking to connect finds a listener on all addresses, which some systems let us bind beside.

    Raises:
        Trouble: when the port may not be used at all.
    """
    with socket.socket() as caller:
        caller.settimeout(1)
        if caller.connect_ex((HOST, port)) == 0:
            return True
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except PermissionError as problem:
            raise Trouble(f"Port {port} is reserved for administrators: choose one above 1023.") from problem
        except OSError:
            return True
    return False


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


def need_free(name: str, port: int, other: int) -> None:
    """Refuse a port that is taken, and say how to choose another.

    Raises:
        Trouble: when it is.
    """
    if busy(port):
        raise Trouble(f"Port {port} is busy: choose another with `{name}={other} make run`.")


def port_of(environment: Mapping[str, str], name: str, default: int) -> int:
    """A port among the values.

    Raises:
        Trouble: when it is no port.
    """
    raw = environment.get(name, str(default))
    if not raw.isascii() or not raw.isdigit() or not 1 <= int(raw) <= 65535:  # noqa: PLR2004 - what TCP has
        raise Trouble(f"{name} must be a number from 1 to 65535, not {raw!r}.")
    return int(raw)


def valkey_port(kept: Mapping[str, str], environment: Mapping[str, str]) -> int:
    """The port asked for, else the one of the last run while it is free, else a free one.

    Raises:
        Trouble: when the port asked for is taken.
    """
    if "VALKEY_PORT" in environment:
        port = port_of(environment, "VALKEY_PORT", 0)
        need_free("VALKEY_PORT", port, free_port())
        return port
    if "VALKEY_PORT" in kept:
        port = port_of(kept, "VALKEY_PORT", 0)
        if not busy(port):
            return port
    return free_port()


def gather(root: Path, environ: Mapping[str, str]) -> Settings:
    """Collect the values: ``environ`` over ``.env`` over what earlier runs kept over what is made now.

    Raises:
        Trouble: when the values cannot start a shop here; several sentences where several are wrong.
    """
    own = {**read(root / ".env"), **{name: value for name, value in environ.items() if value.strip()}}
    if own.get("DUKA_ENV", "development") == "production":
        raise Trouble("`make run` is for development: start the lines of Procfile for DUKA_ENV=production.")
    kept = read(root / "var" / KEPT)
    makers: dict[str, Callable[[], str]] = {
        "SECRET_KEY": lambda: secrets.token_hex(32),
        "GHALA_API_KEY": lambda: "sandbox_" + secrets.token_hex(16),
        "GHALA_WEBHOOK_SECRET": lambda: secrets.token_hex(32),
        "ADMIN_PASSWORD": readable_password,
        "CREDENTIALS_KEY": lambda: secrets.token_hex(32),
        "VALKEY_PASSWORD": lambda: secrets.token_hex(32),
    }
    if "ADMIN_PASSWORD_HASH" in own:
        del makers["ADMIN_PASSWORD"]
    made = {name: kept.get(name) or make() for name, make in makers.items() if name not in own}
    sandbox_port = port_of(own, "SANDBOX_PORT", 8010)
    port = port_of(own, "PORT", 8000)
    if port == sandbox_port:
        raise Trouble(f"PORT and SANDBOX_PORT are both {port}: the shop and the sandbox need one each.")
    sandbox_url = f"http://{HOST}:{sandbox_port}"
    environment = {
        "PORT": str(port),
        "SANDBOX_PORT": str(sandbox_port),
        "PUBLIC_URL": f"http://{HOST}:{port}",
        "GHALA_API_URL": sandbox_url,
        **made,
        **own,
        "DUKA_ENV": "development",
        "DUKA_URL": f"http://{HOST}:{port}",
        "PYTHONUNBUFFERED": "1",
    }
    with_sandbox = environment["GHALA_API_URL"].rstrip("/") == sandbox_url
    need_free("PORT", port, 8080 if port != 8080 else 8000)  # noqa: PLR2004
    if with_sandbox:
        need_free("SANDBOX_PORT", sandbox_port, 8090 if sandbox_port != 8090 else 8010)  # noqa: PLR2004
    with_valkey = "REDIS_URL" not in own
    if with_valkey:
        made["VALKEY_PORT"] = environment["VALKEY_PORT"] = str(valkey_port(kept, own))
        environment["REDIS_URL"] = f"redis://:{environment['VALKEY_PASSWORD']}@{HOST}:{made['VALKEY_PORT']}/0"
    try:
        config = Config.from_env(environment)
    except ConfigError as problem:
        raise Trouble("\n".join(problem.problems)) from problem
    # The sandbox follows the dialect, and signs with the first secret while two rotate.
    environment["GHALA_SIGNATURE_SCHEME"] = config.ghala_signature_scheme
    try:
        keep(root / "var" / KEPT, {**kept, **made})
    except OSError as problem:
        raise Trouble(f"The file {root / 'var' / KEPT} cannot be written ({problem.strerror}).") from problem
    return Settings(
        environment=environment,
        config=config,
        sandbox_port=sandbox_port,
        with_valkey=with_valkey,
        with_sandbox=with_sandbox,
        password_is_ours="ADMIN_PASSWORD" in made,
    )
