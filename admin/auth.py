"""Who may come in: HTTP basic auth with one name and one password.

Every refusal does the same work and says the same words, whatever was wrong.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Any, Final

from flask import Request
from werkzeug.exceptions import TooManyRequests, Unauthorized
from werkzeug.security import check_password_hash

from admin.throttle import FailedLogins
from catalog import shops
from config import Config
from db import Database
from db.models import AuditEntry
from db.types import clock
from errors import ConfigError, RuleBroken

CHALLENGE: Final = 'Basic realm="Duka", charset="UTF-8"'
REFUSAL: Final = "Sign in with the admin user name and password."
LONGEST_HEADER: Final = 4096


class NotSignedIn(Unauthorized):
    """The one refusal; its header makes a browser ask for a name and a password."""

    description = REFUSAL

    def get_headers(self, environ: Any = None, scope: Any = None) -> list[tuple[str, str]]:
        """With the challenge written as RFC 7617 wants it: quoted, where werkzeug would drop the quotes."""
        return [*super().get_headers(environ, scope), ("WWW-Authenticate", CHALLENGE)]


class WrongPassword(RuleBroken):
    """The password that was asked for once more is not the owner's."""

    code = "wrong_password"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a header claims, as bytes; ``readable`` is false for what is no basic auth at all."""

    name: bytes
    password: bytes
    readable: bool


def read_header(header: str) -> Credentials:
    """Take an ``Authorization`` header apart; garbage gives empty, unreadable credentials (RFC 7617)."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic" or len(header) > LONGEST_HEADER:
        return Credentials(b"", b"", readable=False)
    try:
        # A header arrives as latin-1; anything outside base64's alphabet is garbage.
        decoded = base64.b64decode(encoded.strip().encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return Credentials(b"", b"", readable=False)
    name, colon, password = decoded.partition(b":")
    return Credentials(name, password, readable=bool(colon))


class Verifier:
    """Checks a name and a password in time that does not depend on which of them is wrong.

    With a password hash (werkzeug's scrypt) the last success is remembered as an HMAC of the
    header under a key of this process, so that a page refreshing itself does not pay for scrypt
    each time.
    """

    def __init__(self, name: str, password: str, password_hash: str) -> None:
        """Prepare to compare.

        Raises:
            ConfigError: the hash is none that werkzeug makes.
        """
        if password_hash:
            _check_shape(password_hash)
        self._name = _digest(name.encode())
        self._password = _digest(password.encode())
        self._hash = password_hash
        self._closed = not name or not (password or password_hash)
        self._key = secrets.token_bytes(32)
        self._last_success: bytes | None = None

    def accepts(self, credentials: Credentials) -> bool:
        """Whether these are the owner's."""
        seen = self._seal(credentials)
        known = self._last_success
        if known is not None and hmac.compare_digest(seen, known):
            return True
        right_name = hmac.compare_digest(_digest(credentials.name), self._name)
        right_password = self._check_password(credentials.password)
        accepted = right_name & right_password & credentials.readable & (not self._closed)
        if accepted and self._hash:
            self._last_success = seen
        return accepted

    def knows(self, password: str) -> bool:
        """Whether this is the owner's password, asked for once more of somebody who is in already."""
        return self._check_password(password.encode("utf-8", "replace")) and not self._closed

    def _check_password(self, password: bytes) -> bool:
        if self._hash:
            return check_password_hash(self._hash, password.decode("utf-8", "replace"))
        return hmac.compare_digest(_digest(password), self._password)

    def _seal(self, credentials: Credentials) -> bytes:
        claimed = len(credentials.name).to_bytes(4) + credentials.name + credentials.password
        return hmac.digest(self._key, claimed, "sha256")


def _check_shape(password_hash: str) -> None:
    """Find out at the start, not at the owner's first visit."""
    try:
        usable = password_hash.count("$") == 2  # noqa: PLR2004 - method, salt and hash
        check_password_hash(password_hash, "")
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(["ADMIN_PASSWORD_HASH is not a hash made by werkzeug's generate_password_hash."])


def _digest(value: bytes) -> bytes:
    """Equal lengths, so that comparing tells nothing about them."""
    return hashlib.sha256(value).digest()


class Guard:
    """Stands at every door of the room."""

    def __init__(self, database: Database, config: Config, failures: FailedLogins) -> None:
        self._database = database
        self._name = config.admin_username
        self._verifier = Verifier(config.admin_username, config.admin_password, config.admin_password_hash)
        self._failures = failures

    def admit(self, request: Request) -> None:
        """Let the owner pass.

        Raises:
            NotSignedIn: not the owner.
            TooManyRequests: ten failures in fifteen minutes from this address under this name.
        """
        header = request.headers.get("Authorization", "")
        credentials = read_header(header)
        address, name = request.remote_addr or "", credentials.name.decode("utf-8", "replace")
        wait = self._failures.retry_after(address, name) if header else None
        if wait is not None:
            raise TooManyRequests("Too many failed logins. Wait a while and try again.", retry_after=wait)
        if self._verifier.accepts(credentials):
            return
        # A browser asks once without a header before it shows its dialog: that is no failure.
        if header and self._failures.record(address, name):
            self._note_lock(address, name)
        raise NotSignedIn

    def confirm(self, request: Request, password: str) -> None:
        """Ask somebody who is in for the password once more, before money moves on their word.

        Wrong ones count like failed logins.

        Raises:
            WrongPassword: not the owner's.
            TooManyRequests: ten failures in fifteen minutes from this address.
        """
        address = request.remote_addr or ""
        wait = self._failures.retry_after(address, self._name)
        if wait is not None:
            raise TooManyRequests("Too many wrong passwords. Wait a while and try again.", retry_after=wait)
        if len(password) <= LONGEST_HEADER and self._verifier.knows(password):
            return
        if self._failures.record(address, self._name):
            self._note_lock(address, self._name)
        raise WrongPassword("That is not the password you sign in with.")

    def recognises(self, request: Request) -> bool:
        """Whether the request carries the owner's credentials; failures count like any other."""
        if not request.headers.get("Authorization"):
            return False
        try:
            self.admit(request)
        except (NotSignedIn, TooManyRequests):
            return False
        return True

    def _note_lock(self, address: str, name: str) -> None:
        # A password typed into the wrong field must not end up in the books.
        subject = self._name if name == self._name else "an unknown name"
        with self._database.writing() as session:
            shop = shops.find(session, shops.MAIN)
            if shop is not None:
                session.add(
                    AuditEntry(
                        shop_id=shop.id,
                        actor=address,
                        action="login_locked",
                        subject=subject,
                        created_at=clock(),
                    )
                )
