"""One product with its picture, and the question how many."""

from __future__ import annotations

from bot import cart
from bot.conversation import Conversation
from bot.effects import Say
from bot.shopping import add_lines, found_product, pick, product_text
from bot.state import Next, State, tapped, typed
from bot.understanding.choices import agrees
from bot.understanding.numbers import quantity
from bot.wording import buttons, words
from catalog.snapshot import ShopSnapshot
from ghala.inbound import InboundMessage
from records import replace


class ChooseQuantity(State["int | str"]):
    """Ask how many of the chosen product; more than there is gets what there is offered."""

    name = "choose_quantity"
    leads_to = frozenset({"address_input", "product_selected", "cart", "variant_choice"})
    actions = frozenset({"qty", "take", "other_quantity"})
    otherwise = "product_selected"
    takes_numbers = True

    def ready(self, conversation: Conversation, shop: ShopSnapshot) -> bool:
        """There is a product, and some of it to sell."""
        product = shop.sellable(conversation.product_id)
        return product is not None and cart.room_for(conversation, product) > 0

    def prompt(self, conversation: Conversation, shop: ShopSnapshot) -> Say:
        """Picture, name, price, description, and up to three quantities to tap."""
        product = shop.product(conversation.product_id)
        if product is None:
            return buttons(words(conversation, "product-gone"), ("products",), conversation, shop)
        room = cart.room_for(conversation, product)
        options = [f"qty:{product.id}:{count}" for count in (1, 2, 3) if count <= max(room, 1)]
        body = f"{product_text(product, conversation, shop)}\n\n{words(conversation, 'how-many')}"
        return buttons(body, options, conversation, shop, image=product.picture)

    def accepts(
        self, message: InboundMessage, conversation: Conversation, shop: ShopSnapshot
    ) -> int | str | None:
        """A quantity, by tap only for the product that is being asked about; or another product's name."""
        choice = tapped(message)
        if choice is not None:
            current = choice.number(0) == conversation.product_id
            if choice.action in {"qty", "take"} and current:
                count = choice.number(1)
                return count if count is not None and quantity(str(count)) else None
            return "again" if choice.action == "other_quantity" and current else None
        text = typed(message)
        count = quantity(text)
        if count is not None:
            return count
        named = found_product(text, shop)
        if named is not None and named.basket is not None and not named.basket.unknown:
            (first, wanted), *others = named.basket.lines
            # "2 coffee" while coffee is asked about is a quantity; anything else is another order line.
            return wanted if first.id == conversation.product_id and not others else text
        product = shop.product(conversation.product_id)
        offer = f"take:{conversation.product_id}:"
        if agrees(text) and product is not None:
            agreed = next((option for option in conversation.options if option.startswith(offer)), None)
            return int(agreed.rsplit(":", 1)[1]) if agreed else None
        return text if named is not None else None

    def transition(self, conversation: Conversation, answer: int | str, shop: ShopSnapshot) -> Next:
        """Into the cart and on to the address, unless there are not so many."""
        product = shop.product(conversation.product_id)
        if product is None or answer == "again":
            return Next(conversation)
        if isinstance(answer, str):
            picked = found_product(answer, shop)
            return pick(conversation, picked, shop) if picked else Next(conversation)
        room = cart.room_for(conversation, product)
        if answer > room:
            body = words(conversation, "only-left-take", count=room)
            options = (f"take:{product.id}:{room}", f"other_quantity:{product.id}")
            return Next(conversation, (buttons(body, options, conversation, shop),))
        return add_lines(replace(conversation, product_id=product.id), [(product, answer)], shop)
