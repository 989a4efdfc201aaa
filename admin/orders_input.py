"""What machines may send to the orders API, checked field by field. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from orders.placing import MOST_LINES, MOST_PIECES

LONGEST_ADDRESS: Final = 500
LONGEST_NAME: Final = 100
Model = TypeVar("Model", bound=BaseModel)

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Quantity = Annotated[int, Field(ge=1, le=MOST_PIECES)]
ProductName = Annotated[int, Field(ge=1, le=2**63 - 1)] | Annotated[Words, Field(max_length=LONGEST_NAME)]
"""A product's id, or its sku."""


class InvalidFields(Exception):  # not a ShopError: nobody but the route that reads the body sees it
    """Some fields are wrong; ``errors`` holds ``{"field", "message"}`` for each."""

    def __init__(self, *errors: tuple[str, str]) -> None:
        self.errors = [{"field": field, "message": message} for field, message in errors]
        super().__init__("; ".join(f"{field}: {message}" for field, message in errors))


class _Body(BaseModel):
    """Strict about types; fields nobody asked for, ``status=paid`` among them, are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)


class RefundBody(_Body):
    """``POST /api/orders/<ref>/refunds``: all that is left without ``amount``; by hand already with ``reference``."""

    amount: int | Decimal | None = None
    reason: Annotated[Words, Field(max_length=LONGEST_ADDRESS)]
    reference: Annotated[Words, Field(max_length=LONGEST_NAME)] | None = None


class LineBody(_Body):
    """One product of an order."""

    productId: ProductName  # noqa: N815 - the wire's name
    quantity: Quantity


class OrderBody(_Body):
    """``POST /api/orders``: one product, or ``lines``."""

    phoneNumber: Annotated[Words, Field(max_length=30)]  # noqa: N815
    productId: ProductName | None = None  # noqa: N815
    quantity: Quantity | None = None
    lines: Annotated[list[LineBody], Field(min_length=1, max_length=MOST_LINES)] | None = None
    deliveryAddress: Annotated[str, Field(max_length=LONGEST_ADDRESS)] | None = None  # noqa: N815
    customerName: Annotated[str, Field(max_length=LONGEST_NAME)] | None = None  # noqa: N815

    @model_validator(mode="before")
    @classmethod
    def _one_or_many(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("lines") is None:
            missing = [(name, "is missing") for name in ("productId", "quantity") if data.get(name) is None]
            if missing:
                # Raised together with what else is missing, so the caller mends it in one go.
                if data.get("phoneNumber") is None:
                    missing.insert(0, ("phoneNumber", "is missing"))
                raise InvalidFields(*missing)
        return data

    def wanted(self) -> list[LineBody]:
        """The lines, however they were sent."""
        if self.lines is not None:
            return self.lines
        assert self.productId is not None  # noqa: S101 - checked above
        assert self.quantity is not None  # noqa: S101
        return [LineBody(productId=self.productId, quantity=self.quantity)]


class PaymentBody(_Body):
    """``POST /api/orders/<ref>/payment``."""

    method: Annotated[Words, Field(max_length=20)]
    phoneNumber: Annotated[Words, Field(max_length=30)] | None = None  # noqa: N815


def read(model: type[Model], data: dict[str, Any]) -> Model:
    """Check ``data``.

    Raises:
        InvalidFields: naming each field that is wrong.
    """
    try:
        return model.model_validate(data)
    except ValidationError as invalid:
        raise InvalidFields(*_named(invalid)) from None


def _named(invalid: ValidationError) -> list[tuple[str, str]]:
    named: dict[str, str] = {}
    for error in invalid.errors(include_url=False, include_input=False, include_context=False):
        # The branches of "id or sku" are pydantic's business, not the caller's.
        path = [str(part) for part in error["loc"] if isinstance(part, int) or part.isidentifier()]
        path = [part for part in path if part not in {"int", "str"} and not part.startswith("constrained")]
        message = "is missing" if error["type"] == "missing" else error["msg"]
        named.setdefault(".".join(path) or "body", message)
    return list(named.items())
