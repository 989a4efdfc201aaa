"""The contracts Ghala is known to speak, by name. Pure: they build requests and read answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from errors import ConfigError
from ghala.dialects.base import MessageDialect, OrderDialect, RemoteOrder, Request, Sent
from ghala.dialects.cloud import Cloud
from ghala.dialects.v1 import V1
from ghala.dialects.v2 import V2

DIALECTS: Final[Mapping[str, Callable[[str], MessageDialect]]] = MappingProxyType(
    {
        V1.name: lambda _phone_number_id: V1(),
        V2.name: lambda _phone_number_id: V2(),
        Cloud.name: Cloud,
    }
)
"""How each dialect is made, given the phone number id that only ``cloud`` needs."""

__all__ = [
    "DIALECTS",
    "V1",
    "V2",
    "Cloud",
    "MessageDialect",
    "OrderDialect",
    "RemoteOrder",
    "Request",
    "Sent",
    "message_dialect",
]


def message_dialect(name: str, phone_number_id: str = "") -> MessageDialect:
    """The dialect called ``name``.

    Raises:
        ConfigError: there is none of that name, or it needs a phone number id.
    """
    make = DIALECTS.get(name)
    if make is None:
        raise ConfigError([f"unknown dialect {name!r}: one of {', '.join(DIALECTS)}"])
    return make(phone_number_id)
