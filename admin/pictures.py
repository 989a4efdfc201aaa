"""Pictures that owners upload: known by what is in them, made small, and kept under names nobody can guess.

What is kept is always drawn anew, so that nothing of the file itself is handed on: no place where a photograph
was taken, and nothing that only looks like a picture.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

from flask import Response
from PIL import Image, ImageOps
from werkzeug.exceptions import NotFound

from errors import RuleBroken

MOST_BYTES: Final = 5 * 1024 * 1024
"""WhatsApp takes pictures up to 5 MB."""
MOST_PIXELS: Final = 50_000_000
LONGEST_SIDE: Final = 1600
SMALL_SIDE: Final = 192
QUALITY: Final = 86
OURS: Final = Path(__file__).parent.parent / "catalog" / "pictures"
DEMO: Final = frozenset(path.name for path in OURS.glob("*.png"))
"""The pictures of the demo shop."""
DAY: Final = 86_400
YEAR: Final = 365 * DAY
_NAME: Final = re.compile(r"[0-9a-f]{32}\.jpg")
_SMALL: Final = ".small.jpg"


class BadPicture(RuleBroken):
    """The file is no picture that can be shown; its words are for the person who chose it."""

    code = "bad_picture"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture drawn anew as JPEG, and a small one for lists."""

    large: bytes
    small: bytes


def draw(data: bytes) -> Drawn:
    """The picture in a file, upright, without transparency and at most 1,600 pixels long.

    Raises:
        BadPicture: too large, or neither JPEG nor PNG.
    """
    if len(data) > MOST_BYTES:
        raise BadPicture("This file is larger than 5 MB. Choose a smaller picture.")
    try:
        with Image.open(BytesIO(data), formats=("JPEG", "PNG")) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise BadPicture("This picture has too many pixels. Choose a smaller one.")
            upright = ImageOps.exif_transpose(opened)
            if upright.mode in {"RGBA", "LA", "PA"} or "transparency" in upright.info:
                layered = upright.convert("RGBA")
                drawn = Image.new("RGB", layered.size, "white")
                drawn.paste(layered, mask=layered.getchannel("A"))
            else:
                drawn = upright.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BadPicture("This is not a picture we can use. Choose a JPEG or PNG file.") from None
    return Drawn(_jpeg(drawn, LONGEST_SIDE), _jpeg(drawn, SMALL_SIDE))


def keep(folder: Path, drawn: Drawn) -> str:
    """Store a picture under a new name, and give the name."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = secrets.token_hex(16)
    (folder / f"{stem}{_SMALL}").write_bytes(drawn.small)
    (folder / f"{stem}.jpg").write_bytes(drawn.large)
    return f"{stem}.jpg"


def kept(folder: Path, name: str) -> bool:
    """Whether :func:`keep` gave this name."""
    return _NAME.fullmatch(name) is not None and (folder / name).is_file()


def serve(folder: Path, name: str, *, small: bool = False, public: bool = True) -> Response:
    """A picture as an answer that nobody can take for anything else.

    Raises:
        NotFound: there is none of this name.
    """
    uploaded = _NAME.fullmatch(name) is not None
    path = OURS / name
    if uploaded:
        path = folder / (name.replace(".jpg", _SMALL) if small else name)
    elif name not in DEMO:
        raise NotFound
    try:
        answer = Response(path.read_bytes(), mimetype="image/jpeg" if uploaded else "image/png")
    except FileNotFoundError:
        raise NotFound from None
    keeping = f"max-age={YEAR}, immutable" if uploaded else f"max-age={DAY}"
    answer.headers["Cache-Control"] = f"{'public' if public else 'private'}, {keeping}"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Content-Security-Policy"] = "default-src 'none'"
    return answer


def _jpeg(picture: Image.Image, side: int) -> bytes:
    copy = picture.copy()
    copy.thumbnail((side, side))
    written = BytesIO()
    copy.save(written, "JPEG", quality=QUALITY, optimize=True)
    return written.getvalue()
