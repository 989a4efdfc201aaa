"""The cart: its lines with numbers, the total, and what can be done with it."""

from __future__ import annotations

from bot import cart
from bot.conversation import Conversation
from bot.effects import Say
from bot.shopping import Picked, found_product, pick
from bot.state import Next, State, goes, tapped, typed
from bot.states.change_quantity import change, change_command
from bot.taps import Choice
from bot.understanding.choices import agrees, declines
from bot.understanding.words import plain
from bot.wording import BODY, amount, buttons, joined, lines_within, words
from catalog.pricing import PricedLine, Quote
from catalog.snapshot import ShopSnapshot, in_language
from ghala.inbound import InboundMessage
from ghala.messages import fit
from records import replace


class CartView(State["Picked | Choice"]):
    """Show the cart; a line's number changes it, words and buttons do the rest."""

    name = "cart"
    leads_to = frozenset(
        {"address_input", "product_selected", "change_quantity", "choose_quantity", "variant_choice"}
    )
    actions = frozenset({"empty", "empty_yes"})
    takes_numbers = True

    def prompt(self, conversation: Conversation, shop: ShopSnapshot) -> Say:
        """Lines, discount, total; an empty cart points to the products."""
        quoted = cart.price(conversation, shop)
        if not quoted.lines:
            return buttons(words(conversation, "cart-empty"), ("products", "promotions"), conversation, shop)
        head = words(conversation, "cart-title")
        foot = f"{totals(quoted, conversation, shop)}\n\n{words(conversation, 'cart-how')}"
        lines = [
            words(
                conversation, "cart-line", number=str(number), line=cart.line_text(line, conversation, shop)
            )
            for number, line in enumerate(quoted.lines, start=1)
        ]
        room = BODY - len(head) - len(foot) - 4
        body = f"{head}\n{lines_within(lines, room, conversation)}\n{foot}"
        empty = f"empty:{conversation.cart_version}"
        return buttons(body, ("checkout", "add_more", empty), conversation, shop)

    def shown(self, conversation: Conversation, shop: ShopSnapshot) -> Conversation:
        """The discount that was promised is remembered."""
        return replace(conversation, seen_discount=cart.price(conversation, shop).discount)

    def accepts(
        self, message: InboundMessage, conversation: Conversation, shop: ShopSnapshot
    ) -> Picked | Choice | None:
        """A line by number, "remove 2", "change 1 to 3", emptying, or a product to add."""
        choice = tapped(message)
        if choice is not None:
            current = choice.number(0) == conversation.cart_version
            return choice if choice.action in {"empty", "empty_yes"} and current else None
        text = typed(message)
        said = plain(text)
        if conversation.options[:1] == (f"empty_yes:{conversation.cart_version}",):
            if agrees(text) or said == "1":
                return Choice("empty_yes")
            if declines(text) or said == "2":
                return Choice("show")
        if said in EMPTY:
            return Choice("empty")
        lines = cart.price(conversation, shop).lines
        if said.isascii() and said.isdigit():
            return _line(lines, int(said[:3]), None)
        command = change_command(text)
        if command is not None:
            return _line(lines, *command)
        return found_product(text, shop)

    def transition(self, conversation: Conversation, answer: Picked | Choice, shop: ShopSnapshot) -> Next:
        """To the line, the product or the emptied cart."""
        if isinstance(answer, Picked):
            return pick(conversation, answer, shop)
        if answer.action == "line":
            product_id, count = answer.number(0), answer.number(1)
            if count is None:
                return goes(replace(conversation, product_id=product_id), "change_quantity")
            return change(conversation, product_id, count, shop)
        if answer.action == "show":
            return goes(conversation, "cart")
        if answer.action == "empty_yes":
            emptied = replace(conversation, cart=(), promo_code="", product_id=None, delivery=None)
            return goes(emptied, "cart")
        return ask_to_empty(conversation, shop)


EMPTY = frozenset(
    {"clear", "empty", "empty cart", "clear cart", "remove all", "ondoa zote", "futa yote", "toa zote"}
)
"""Words that empty the cart, after asking."""


def ask_to_empty(conversation: Conversation, shop: ShopSnapshot) -> Next:
    """The question before a cart is lost."""
    if not conversation.cart:
        return goes(conversation, "cart")
    body = words(conversation, "cart-empty-ask", count=max(cart.count(conversation, shop), 1))
    options = (f"empty_yes:{conversation.cart_version}", "keep")
    return Next(replace(conversation, state="cart"), (buttons(body, options, conversation, shop),))


def totals(quoted: Quote, conversation: Conversation, shop: ShopSnapshot) -> str:
    """Discount with its name, if any, and the total."""
    discount = ""
    if quoted.discount and quoted.promotion is not None:
        title = fit(in_language(quoted.promotion.titles, conversation.language), 80)
        off = amount(quoted.discount, conversation, shop)
        discount = words(conversation, "discount-line", title=title, amount=off)
    total = amount(quoted.total, conversation, shop)
    return joined((discount, words(conversation, "total-line", total=total)))


def _line(lines: tuple[PricedLine, ...], number: int, count: int | None) -> Choice | None:
    if not 1 <= number <= len(lines):
        return None
    product_id = str(lines[number - 1].product.id)
    return Choice("line", (product_id,) if count is None else (product_id, str(count)))
