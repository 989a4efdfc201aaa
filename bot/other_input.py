"""Input that is neither words nor a choice: pictures, voice, contacts, carts of WhatsApp's own. Pure."""

from __future__ import annotations

from bot import cart
from bot.conversation import Conversation
from bot.shopping import add_lines, open_product
from bot.state import Next
from bot.states.payment_processing import ask_gateway
from bot.understanding.words import plain
from bot.wording import text, with_lead, words
from catalog.snapshot import ProductView, ShopSnapshot
from ghala.inbound import (
    ContactCards,
    Content,
    FlowReply,
    Location,
    Media,
    NativeCart,
    NumberChanged,
    Reaction,
)
from records import replace


def product_by_sku(sku: str, shop: ShopSnapshot) -> ProductView | None:
    """The product the catalogue of WhatsApp knows under ``sku``."""
    wanted = plain(sku)
    return next((product for product in shop.products if wanted and plain(product.sku) == wanted), None)


def quoted_product(sku: str, conversation: Conversation, shop: ShopSnapshot) -> Next | None:
    """To the product that the customer asked about from the catalogue; ``None`` when it is not ours."""
    product = product_by_sku(sku, shop)
    return open_product(conversation, product, shop) if product is not None else None


def answer(content: Content, conversation: Conversation, shop: ShopSnapshot) -> Next:
    """One useful answer to anything that is not text or a tap."""
    if isinstance(content, NativeCart):
        return _native_cart(content, conversation, shop)
    if isinstance(content, Reaction):
        return Next(conversation, (text(words(conversation, "other-reaction")),))
    if isinstance(content, Media):
        return _media(content, conversation)
    if isinstance(content, Location):
        key = "other-location"
    elif isinstance(content, ContactCards):
        key = "other-contact"
    elif isinstance(content, FlowReply):
        key = "other-form"
    elif isinstance(content, NumberChanged):
        key = "other-number-changed"
    else:
        key = "other-unsupported"
    return Next(conversation, lead=words(conversation, key))


def _media(content: Media, conversation: Conversation) -> Next:
    """A picture while an order waits is most likely the M-Pesa message: ask M-Pesa, not the picture."""
    if content.kind in {"image", "document"} and conversation.order_ref:
        asked = ask_gateway(conversation)
        said = with_lead(
            words(conversation, "other-picture-of-payment"), text(words(conversation, "one-moment"))
        )
        return replace(asked, effects=(said, *asked.effects[1:]))
    key = f"other-{content.kind}"
    known = {"other-image", "other-video", "other-audio", "other-document", "other-sticker"}
    return Next(conversation, lead=words(conversation, key if key in known else "other-unsupported"))


def _native_cart(content: NativeCart, conversation: Conversation, shop: ShopSnapshot) -> Next:
    """WhatsApp's cart becomes ours at our prices; what we do not sell is counted, the rest stays."""
    lines: list[tuple[ProductView, int]] = []
    unknown = 0
    for item in content.items[: cart.MOST_LINES]:
        product = product_by_sku(item.retailer_id, shop)
        count = int(item.quantity)
        if product is None or count <= 0:
            unknown += 1
            continue
        lines.append((product, max(0, count - cart.quantity_of(conversation, product.id))))
    taken = add_lines(
        replace(conversation, category_id=None, page=0), [line for line in lines if line[1]], shop
    )
    notices = [taken.lead] if taken.lead else []
    if unknown or not lines:
        notices.insert(0, words(conversation, "cart-gone", count=max(unknown, 1)))
    return replace(taken, lead="\n".join(notices))
