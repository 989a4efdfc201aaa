"""Browsing: an interactive list of categories or products, in pages."""

# ruff: noqa: ARG002 - every state is asked alike
from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from bot.conversation import Conversation
from bot.effects import Say
from bot.shopping import Picked, found_product, open_product, pick, price_text
from bot.state import Next, State, goes, tapped, typed
from bot.taps import Choice
from bot.understanding.words import plain
from bot.wording import ROW, buttons, listing, row, words
from catalog.snapshot import ProductView, ShopSnapshot, in_language
from ghala.inbound import InboundMessage
from ghala.messages import Row, fit
from records import replace

T = TypeVar("T")

ROWS = 10
"""Rows WhatsApp allows in one list; a page with a next one keeps the last row for "More"."""
OTHER = 0
"""The category of products without one."""


class ProductSelected(State["Picked | Choice"]):
    """Let the customer choose a product by row, number or name."""

    name = "product_selected"
    leads_to = frozenset({"variant_choice", "choose_quantity", "address_input", "cart"})

    def prompt(self, conversation: Conversation, shop: ShopSnapshot) -> Say:
        """Categories first when the products need more than a page, else the products."""
        if not shop.products:
            return buttons(words(conversation, "products-none"), ("promotions", "human"), conversation, shop)
        if conversation.category_id is None and by_category(shop):
            return self._categories(conversation, shop)
        products = shelf(shop, conversation.category_id) or shelf(shop, None)
        shown, more = page(products, conversation.page)
        rows = [_product_row(product, conversation, shop) for product in shown]
        if more:
            category = "all" if conversation.category_id is None else str(conversation.category_id)
            rows.append(_more_row(f"more:{category}:{more}", conversation))
        return listing(words(conversation, "products-body"), words(conversation, "products-button"), rows)

    def _categories(self, conversation: Conversation, shop: ShopSnapshot) -> Say:
        kinds = categories(shop)
        shown, more = page(kinds, conversation.page)
        rows = []
        for category_id in shown:
            count = words(conversation, "category-count", count=len(shelf(shop, category_id)))
            rows.append(
                row(
                    f"category:{category_id}",
                    _category_name(category_id, conversation, shop),
                    count,
                    conversation,
                )
            )
        if more:
            rows.append(_more_row(f"more:categories:{more}", conversation))
        return listing(words(conversation, "categories-body"), words(conversation, "categories-button"), rows)

    def accepts(
        self, message: InboundMessage, conversation: Conversation, shop: ShopSnapshot
    ) -> Picked | Choice | None:
        """A category, or a product, or several with quantities, by name; rows are choices everywhere."""
        text = typed(message)
        named = category_called(text, shop)
        if named is not None:
            return Choice("category", (str(named),))
        choice = tapped(message)
        if choice is not None:
            return choice if choice.action in BROWSING else None
        return found_product(text, shop)

    def transition(self, conversation: Conversation, answer: Picked | Choice, shop: ShopSnapshot) -> Next:
        """Deeper into the shelves, to the product, or to the address when quantities came with it."""
        if isinstance(answer, Choice):
            return browse(conversation, answer, shop)
        return pick(conversation, answer, shop)


BROWSING = frozenset({"product", "category", "more"})
"""Choices of the lists; harmless, so they work in every state and at any age."""


def browse(conversation: Conversation, choice: Choice, shop: ShopSnapshot) -> Next:
    """Follow a row of a list: a product, a category or the next page."""
    if choice.action in {"product", "variant"}:
        product = shop.product(choice.number(0))
        if product is None:
            return goes(conversation, "product_selected", words(conversation, "product-gone"))
        return open_product(conversation, product, shop)
    if choice.action == "category":
        known = choice.number(0) in categories(shop)
        return goes(
            replace(conversation, category_id=choice.number(0) if known else None, page=0), "product_selected"
        )
    category = choice.number(0)
    return goes(
        replace(
            conversation,
            category_id=category if category in categories(shop) else None,
            page=choice.number(1) or 0,
        ),
        "product_selected",
    )


def categories(shop: ShopSnapshot) -> tuple[int, ...]:
    """Ids of the categories that have products, in the owner's order; the uncategorised come last."""
    used = {product.category_id for product in shop.listed()}
    known = tuple(category.id for category in shop.categories if category.id in used)
    rest = used - set(known)
    return (*known, OTHER) if rest and known else known


def by_category(shop: ShopSnapshot) -> bool:
    """Whether the products are shown by category first."""
    return len(shop.listed()) > ROWS and len(categories(shop)) > 1


def shelf(shop: ShopSnapshot, category_id: int | None) -> tuple[ProductView, ...]:
    """The products of a category (of the whole shop without one), the sold-out ones last."""
    known = {category.id for category in shop.categories}
    products = [
        product
        for product in shop.listed()
        if category_id is None
        or product.category_id == category_id
        or (category_id == OTHER and product.category_id not in known)
    ]
    return tuple(sorted(products, key=shop.sold_out))


@dataclass(frozen=True, slots=True)
class _Bounds:
    start: int
    end: int
    more: int


def _bounds(total: int, number: int) -> _Bounds:
    last = max(0, -(-(total - ROWS) // (ROWS - 1)))
    number = min(number, last)
    start = number * (ROWS - 1)
    if total - start <= ROWS:
        return _Bounds(start, total, 0)
    return _Bounds(start, start + ROWS - 1, number + 1)


def page(things: tuple[T, ...], number: int) -> tuple[tuple[T, ...], int]:
    """The things on page ``number`` (the last page if there are not so many), and the next page or 0."""
    bounds = _bounds(len(things), number)
    return things[bounds.start : bounds.end], bounds.more


def category_called(text: str, shop: ShopSnapshot) -> int | None:
    """The category whose name was typed, while categories are on show."""
    wanted = plain(text)
    if not wanted or not by_category(shop):
        return None
    return next(
        (
            category.id
            for category in shop.categories
            if category.id in categories(shop) and wanted in {plain(name) for name in category.names.values()}
        ),
        None,
    )


def _category_name(category_id: int, conversation: Conversation, shop: ShopSnapshot) -> str:
    category = next((category for category in shop.categories if category.id == category_id), None)
    if category is None:
        return words(conversation, "category-other")
    return f"{category.emoji} {in_language(category.names, conversation.language)}".strip()


def row_words(product: ProductView, conversation: Conversation, shop: ShopSnapshot) -> tuple[str, str]:
    """What a product's row says, uncut: emoji and name; price and description, and the name where it will be cut."""
    name = product.name(conversation.language)
    title = f"{product.emoji} {name}".strip()
    price = price_text(product, conversation, shop)
    parts = [price, product.description(conversation.language).strip()]
    if len(name) > ROW:
        parts.insert(0, fit(name, DESCRIPTION_NAME - len(price)))
    elif len(title) > ROW:
        parts.insert(1, name)
    return title, " · ".join(part for part in parts if part)


def _product_row(product: ProductView, conversation: Conversation, shop: ShopSnapshot) -> Row:
    title, description = row_words(product, conversation, shop)
    return row(f"product:{product.id}", title, description, conversation)


DESCRIPTION_NAME = 69
"""A row's description without the " · " between the whole name and the price."""


def _more_row(option: str, conversation: Conversation) -> Row:
    return row(option, words(conversation, "row-more"), words(conversation, "row-more-about"), conversation)
