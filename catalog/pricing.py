"""What a cart costs: lines, discount, delivery, total. Pure, integer minor units.

At most one promotion applies, the one that saves most: a code the customer gave competes
with those that apply by themselves. Discounts are rounded down to what the currency can be
charged in, so every total is payable by mobile money.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from catalog.money import step
from catalog.snapshot import ProductView, PromotionView, ShopSnapshot, ZoneView


@dataclass(frozen=True, slots=True)
class PricedLine:
    """``quantity`` pieces of ``product`` at the price it has now."""

    product: ProductView
    quantity: int

    @property
    def total(self) -> int:
        """Minor units for the whole line, before any discount."""
        return self.product.price * self.quantity


@dataclass(frozen=True, slots=True)
class Quote:
    """The price of a cart; ``total == subtotal - discount + delivery_fee``."""

    lines: tuple[PricedLine, ...]
    subtotal: int
    discount: int
    delivery_fee: int
    promotion: PromotionView | None = None

    @property
    def total(self) -> int:
        """What the customer pays."""
        return self.subtotal - self.discount + self.delivery_fee


def find_code(shop: ShopSnapshot, text: str) -> PromotionView | None:
    """The running promotion whose code is ``text``, whatever its case and spaces."""
    wanted = "".join(text.split()).upper()
    if not wanted:
        return None
    return next((p for p in shop.running_promotions() if p.code and p.code.upper() == wanted), None)


def saving(promotion: PromotionView, lines: tuple[PricedLine, ...], delivery_fee: int, currency: str) -> int:
    """Minor units this promotion takes off these lines; 0 when it does not apply.

    Never more than the lines it is about cost, or for ``free_delivery`` than the delivery. At least one step of
    the currency is left to pay: what costs nothing cannot be paid for, and an order is what is paid.
    """
    subtotal = sum(line.total for line in lines)
    touched = [
        line
        for line in lines
        if not promotion.skus
        or line.product.sku in promotion.skus
        or line.product.parent_sku in promotion.skus
    ]
    if not touched or subtotal < promotion.min_subtotal:
        return 0
    if promotion.kind == "free_delivery":
        return delivery_fee
    base = sum(line.total for line in touched)
    if promotion.kind == "percent":
        off = base * promotion.value // 100
    elif promotion.kind == "fixed":
        off = promotion.value
    elif promotion.kind == "buy_x_get_y":
        off = _free_pieces(touched, promotion.buy, promotion.get)
    else:
        return 0
    least = step(currency)
    off = max(0, min(off, base, subtotal + delivery_fee - least))
    return off - off % least


def _free_pieces(lines: list[PricedLine], buy: int, get: int) -> int:
    """The price of the free ones among these pieces, the dearest being paid first.

    In a row from dear to cheap, every ``buy`` paid pieces are followed by up to ``get`` free ones, so that mixed
    products count together and one more piece never makes the whole cheaper.
    """
    if buy < 1 or get < 1:
        return 0
    off, position, group = 0, 0, buy + get
    for line in sorted(lines, key=lambda line: -line.product.price):
        free = _free_before(position + line.quantity, buy, group) - _free_before(position, buy, group)
        off += free * line.product.price
        position += line.quantity
    return off


def _free_before(position: int, buy: int, group: int) -> int:
    """How many of the first ``position`` pieces of the row are free."""
    return position // group * (group - buy) + max(0, position % group - buy)


def quote(
    shop: ShopSnapshot,
    cart: Iterable[tuple[int, int]],
    *,
    code: str = "",
    zone: ZoneView | None = None,
    without: Collection[int] = (),
) -> Quote:
    """Price ``cart`` (pairs of product id and quantity) at the shop's prices now.

    Products that are no longer on offer are left out; the caller compares and says so. Promotions whose ids are in
    ``without`` do not apply: the customer has used them up.
    """
    lines = tuple(
        PricedLine(product, quantity)
        for product_id, quantity in cart
        if (product := shop.sellable(product_id)) is not None and quantity > 0
    )
    fee = zone.fee if zone is not None and lines else 0
    chosen = find_code(shop, code)
    candidates = [p for p in shop.running_promotions() if (not p.code or p is chosen) and p.id not in without]
    best, best_saving = None, 0
    for promotion in candidates:
        saved = saving(promotion, lines, fee, shop.currency)
        if saved > best_saving:
            best, best_saving = promotion, saved
    return Quote(
        lines=lines,
        subtotal=sum(line.total for line in lines),
        discount=best_saving,
        delivery_fee=fee,
        promotion=best,
    )
