"""The door: who you are, what you can do, and what you left here last time."""

from __future__ import annotations

from bot import cart
from bot.aftersale import repeat, repeatable
from bot.conversation import Conversation
from bot.effects import Say
from bot.shopping import Picked, found_product, pick, still_on_offer
from bot.state import Next, State, tapped, typed
from bot.states.payment_selection import Payment, act, payment_said
from bot.taps import Choice
from bot.texts import money
from bot.wording import buttons, closed, own_words, words
from catalog.snapshot import ShopSnapshot
from ghala.inbound import InboundMessage
from ghala.messages import fit
from orders.order import Delivery
from records import replace

SHOP_NAME = 80
PLACE = 30


class Greeting(State["Picked | Payment | Choice"]):
    """Welcome the customer; a product's name goes straight to the product, a way to pay to the open order."""

    name = "greeting"
    leads_to = frozenset(
        {
            "product_selected",
            "promotions",
            "variant_choice",
            "choose_quantity",
            "address_input",
            "cart",
            "payment_selection",
            "zone_choice",
        }
    )
    actions = frozenset({"same_again"})

    def prompt(self, conversation: Conversation, shop: ShopSnapshot) -> Say:
        """An unpaid order first, then a cart left behind, else a plain welcome."""
        if conversation.order_ref:
            return order_waiting(conversation, shop)
        hello = self._hello(conversation)
        count = cart.count(conversation, shop)
        if count:
            total = money(cart.price(conversation, shop).total, shop.currency, conversation.language)
            body = words(conversation, "greeting-cart", hello=hello, count=count, total=total)
            body = closed(body, conversation, shop)
            return buttons(body, ("checkout", "cart", "products"), conversation, shop)
        body = own_words(conversation, shop, "greeting", hello=hello, shop=fit(shop.name, SHOP_NAME))
        body = closed(body, conversation, shop)
        options = ["products", "promotions"]
        place = repeatable(conversation, shop)
        if conversation.misses > 1:
            options.append("human")
        elif place is not None:
            options.append(f"same_again:{conversation.cart_version}")
            return buttons(body, options, conversation, shop, footer=self._once_more(conversation, place))
        elif still_on_offer(conversation, shop):
            options.append("again")
        return buttons(body, options, conversation, shop)

    def _once_more(self, conversation: Conversation, place: Delivery) -> str:
        """What one tap orders, and where to."""
        pieces = sum(count for _, count in conversation.last_lines)
        where = fit(place.text or words(conversation, "place-pin"), PLACE)
        return words(conversation, "greeting-again", count=pieces, place=where)

    def _hello(self, conversation: Conversation) -> str:
        if conversation.name:
            return words(conversation, "hello-name", name=conversation.name)
        return words(conversation, "hello")

    def accepts(
        self, message: InboundMessage, conversation: Conversation, shop: ShopSnapshot
    ) -> Picked | Payment | Choice | None:
        """A product, or several with quantities, by name; how to pay the order that waits; the last order again."""
        choice = tapped(message)
        if choice is not None and choice.action == "same_again":
            current = choice.number(0) == conversation.cart_version and not conversation.order_ref
            return choice if current and repeatable(conversation, shop) is not None else None
        if conversation.order_ref:
            payment = payment_said(message, conversation, shop)
            if payment is not None:
                return payment
        return found_product(typed(message), shop)

    def transition(
        self, conversation: Conversation, answer: Picked | Payment | Choice, shop: ShopSnapshot
    ) -> Next:
        """To the product, to the address when quantities came with it, or to paying."""
        if isinstance(answer, Choice):
            return repeat(replace(conversation, product_id=None), shop)
        if isinstance(answer, Payment):
            return act(conversation, answer, shop)
        return pick(conversation, answer, shop)


def order_waiting(conversation: Conversation, shop: ShopSnapshot) -> Say:
    """The unpaid order with its ways on: pay, cancel, or something new."""
    ref = conversation.order_ref
    total = money(conversation.order_total, shop.currency, conversation.language)
    body = words(conversation, "order-waiting", ref=ref, total=total)
    other = "cart" if cart.count(conversation, shop) else "new"
    return buttons(body, (f"paynow:{ref}", f"cancel_order:{ref}", other), conversation, shop)
