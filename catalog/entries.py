"""What an owner may write about products, categories, promotions and zones, checked field by field.

Prices are in major units. Texts are one string (English) or a map by language. A field that is not given is
left as it is when the thing exists already.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from catalog import hours
from errors import RuleBroken
from languages import LANGUAGES

UNLIMITED: Final = "unlimited"
LONGEST_NAME: Final = 120
"""A product's name is repeated inside sentences."""
LONGEST_LABEL: Final = 24
"""WhatsApp's limit for a row's title: variants, categories and zones are rows."""
LONGEST_TITLE: Final = 80
LONGEST_TERMS: Final = 200
LONGEST_DESCRIPTION: Final = 500
MOST_PIECES: Final = 10**9
WHOLE: Final = 100
"""Percent."""
MOST_MONEY: Final = 10**13
_GROUPED: Final = re.compile(r"^\d{1,3}([, \u00a0]\d{3})+(\.\d*)?$")
"""Thousands set apart; a comma anywhere else might be meant as a decimal point, and is refused."""
_SEPARATORS: Final = re.compile(r"[, \u00a0]")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


class BadEntry(RuleBroken):
    """What was written cannot be taken; ``problems`` are pairs of a field and why."""

    code = "bad_entry"

    def __init__(self, *problems: tuple[str, str]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{field}: {why}" if field else why for field, why in problems))


def _by_language(value: Any) -> Any:
    return {"en": value} if isinstance(value, str) else value


def decimal(written: str | int) -> Decimal:
    """An amount as ``catalog.exporting`` writes it."""
    return Decimal(written)


def _decimal(value: Any) -> Any:
    if isinstance(value, str):
        written = value.strip()
        return _SEPARATORS.sub("", written) if _GROUPED.match(written) else written
    return Decimal(str(value)) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _stock(value: Any) -> Any:
    return None if isinstance(value, str) and value.strip().casefold() == UNLIMITED else value


def _clean(value: str) -> str:
    if _CONTROLS.search(value):
        raise ValueError("there are invisible characters in it")
    return value.strip()


def visible(value: str) -> str:
    """What an entry could have of this: for showing it while somebody still writes it."""
    return _CONTROLS.sub("", value).strip()


def _known(texts: dict[str, str]) -> dict[str, str]:
    unknown = sorted(set(texts) - set(LANGUAGES))
    if unknown:
        raise ValueError(f"nobody here speaks {', '.join(unknown)}; languages are {', '.join(LANGUAGES)}")
    return texts


def _said(texts: dict[str, str]) -> dict[str, str]:
    if not all(texts.values()) or not texts:
        raise ValueError("there must be words here")
    return texts


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _at_most(longest: int) -> AfterValidator:
    def check(texts: dict[str, str]) -> dict[str, str]:
        for language, text in texts.items():
            if len(text) > longest:
                raise ValueError(f"{language}: at most {longest} characters fit, these are {len(text)}")
        return texts

    return AfterValidator(check)


def _number_as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _said_by_language(value: Any) -> Any:
    """Lists of words without those that are empty."""
    return (
        {language: words for language, words in value.items() if words} or []
        if isinstance(value, dict)
        else value
    )


Text = Annotated[str, AfterValidator(_clean)]
_PossiblyEmpty = Annotated[dict[str, Text], BeforeValidator(_by_language), AfterValidator(_known)]
_Texts = Annotated[_PossiblyEmpty, AfterValidator(_said)]
Name = Annotated[_Texts, _at_most(LONGEST_NAME)]
Label = Annotated[_Texts, _at_most(LONGEST_LABEL)]
Title = Annotated[_Texts, _at_most(LONGEST_TITLE)]
Terms = Annotated[_Texts, _at_most(LONGEST_TERMS)]
Description = Annotated[_PossiblyEmpty, _at_most(LONGEST_DESCRIPTION)]
Price = Annotated[Decimal, BeforeValidator(_decimal), Field(ge=0, le=MOST_MONEY, max_digits=20)]
Stock = Annotated[Annotated[int, Field(ge=0, le=MOST_PIECES)] | None, BeforeValidator(_stock)]
Sku = Annotated[Text, BeforeValidator(_number_as_text), Field(min_length=1, max_length=60)]
Emoji = Annotated[Text, Field(max_length=8)]
Picture = Annotated[Text, Field(max_length=500, pattern=r"^(https://\S+|[\w.\-]+)?$")]
Word = Annotated[Text, Field(min_length=1, max_length=40, pattern=r"^[^|]+$")]
Synonyms = Annotated[list[Word] | dict[str, list[Word]], BeforeValidator(_said_by_language)]
Moment = Annotated[datetime, AfterValidator(_utc)]


class Entry(BaseModel):
    """Something an owner wrote; what is not known is refused rather than overlooked."""

    model_config = ConfigDict(extra="forbid")

    def given(self, field: str) -> bool:
        """Whether the field was written at all."""
        return field in self.model_fields_set


class CategoryEntry(Entry):
    """A category."""

    code: Annotated[str, Field(min_length=1, max_length=40)]
    name: Label
    emoji: Emoji = ""


class VariantEntry(Entry):
    """One variant of a product; a new one without a price costs what its product does."""

    sku: Sku
    label: Label | None = None
    price: Price | None = None
    stock: Stock = None
    picture: Picture = ""
    active: bool = True


class ProductEntry(Entry):
    """A product; a new one without ``stock`` is unlimited.

    One with ``variants`` is sold as those: each without a price of its own costs what is written here, and the
    product is shown with the lowest. Variants that are not named here stay as they are.
    """

    sku: Sku
    name: Name | None = None
    price: Price | None = None
    description: Description = Field(default_factory=dict)
    category: str | None = None
    emoji: Emoji = ""
    picture: Picture = ""
    stock: Stock = None
    synonyms: Synonyms = Field(default_factory=list)
    active: bool = True
    variants: list[VariantEntry] = Field(default_factory=list)


class PromotionEntry(Entry):
    """A promotion; ``value`` is a percentage, or major units for ``fixed``.

    It is given as a whole: what is not given is none, but a withdrawn one stays withdrawn unless it says ``active``.
    """

    title: Title
    terms: Terms
    kind: Annotated[str, Field(pattern="^(percent|fixed|free_delivery|buy_x_get_y)$")]
    value: Price = Decimal(0)
    buy: Annotated[int, Field(ge=0, le=100)] = 0
    free: Annotated[int, Field(ge=0, le=100)] = 0
    code: Annotated[str, Field(max_length=30, pattern=r"^[A-Za-z0-9\-]*$")] = ""
    products: list[str] = Field(default_factory=list)
    min_subtotal: Price = Decimal(0)
    starts: Moment | None = None
    ends: Moment | None = None
    max_uses: Annotated[int | None, Field(ge=1)] = None
    max_per_customer: Annotated[int | None, Field(ge=1)] = None
    active: bool = True

    @model_validator(mode="after")
    def _sensible(self) -> PromotionEntry:
        if self.kind == "percent" and (not 0 < self.value <= WHOLE or self.value % 1):
            raise ValueError("value: a percentage is a whole number from 1 to 100")
        if self.kind == "fixed" and self.value <= 0:
            raise ValueError("value: the amount must be above zero")
        if self.kind == "buy_x_get_y" and not (self.buy and self.free):
            raise ValueError("buy, free: say how many are bought and how many are free then")
        if self.starts and self.ends and self.ends <= self.starts:
            raise ValueError("ends: it must end after it starts")
        return self


class ZoneEntry(Entry):
    """A delivery zone; ``within_m`` metres around the shop, or an area chosen from a list."""

    name: Label
    fee: Price
    within_m: Annotated[int | None, Field(ge=1, le=500_000)] = None
    active: bool = True


class PlaceEntry(Entry):
    """Where the shop stands, in degrees."""

    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]


class ShopEntry(Entry):
    """When the shop is open, as ``catalog.hours`` reads it, and where it stands."""

    hours: dict[str, Any] = Field(default_factory=dict)
    closed_days: list[Annotated[str, BeforeValidator(str)]] = Field(default_factory=list)
    place: PlaceEntry | None = None

    @model_validator(mode="after")
    def _readable(self) -> ShopEntry:
        try:
            hours.read({"hours": self.hours or {"mon": []}, "closed_days": self.closed_days})
        except hours.BadHours as error:
            raise ValueError(f"hours: {error}") from None
        return self


E = TypeVar("E", bound=Entry)


def read(kind: type[E], data: Any) -> E:
    """The entry that ``data``, a form or a row of a file, is.

    Raises:
        BadEntry: with every field that is wrong, and why.
    """
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        problems = (
            (".".join(str(part) for part in problem["loc"]), problem["msg"].removeprefix("Value error, "))
            for problem in error.errors()
        )
        raise BadEntry(*dict.fromkeys(problems)) from None
