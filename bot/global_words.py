"""Words and choices that work in every state: menu, products, cart, back, cancel, help, a person … Pure.

To add a word, add it to ``WORDS``; to add a meaning, add its words, its handler to ``ACTIONS``
and the states it may lead to.
"""

# ruff: noqa: ARG001 - every handler is called alike
from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bot import cart
from bot.aftersale import FACES, order_again
from bot.conversation import Conversation
from bot.effects import AskGateway, CancelOrder, FindOrders, Forget, RateOrder, SetStopped
from bot.ordering import charge
from bot.shopping import wait_for
from bot.state import Next, goes
from bot.states import ALL
from bot.states.cart import ask_to_empty
from bot.states.greeting import order_waiting
from bot.states.payment_processing import ask_gateway
from bot.states.payment_selection import Payment, act
from bot.states.product_selected import browse
from bot.taps import Choice
from bot.texts import LANGUAGES
from bot.understanding.choices import courteous
from bot.understanding.words import plain
from bot.wording import buttons, methods, text, words
from catalog.snapshot import ShopSnapshot
from languages import LANGUAGES as SPOKEN
from records import replace

PAYING: Final = frozenset({"payment_selection", "payment_processing", "payment_failed"})
"""States about an order that is placed and unpaid."""
AFTER_SALE: Final = frozenset({"cancel_confirm", "rating_comment", "erase_confirm"})
"""States about what was bought, or about the customer."""
SHOPPING: Final = frozenset(state.name for state in ALL) - PAYING - AFTER_SALE - {"greeting", "handed_off"}
"""States about something not ordered yet."""

_SAID: Final[dict[str, str]] = {
    "menu": (
        "menu|main menu|home|start|hi|hii|hello|hallo|helo|hey|good morning|good afternoon|good evening|hi there|"
        "hello there|menyu|anza|mwanzo|nyumbani|habari|habari yako|habari zenu|mambo|mambo vipi|jambo|hujambo|"
        "sasa|niaje|vipi|salama|shikamoo|salaam|salamu|get started"
    ),
    "products": (
        "products|product|view products|shop|store|catalog|catalogue|items|browse|buy|bidhaa|tazama bidhaa|duka|"
        "orodha|nunua|nataka kununua|price list|prices|bei"
    ),
    "promotions": (
        "promotions|promotion|promos|promo|view promotions|offers|offer|deals|deal|discounts|discount|ofa|"
        "tazama ofa|punguzo|mapunguzo"
    ),
    "cart": "cart|view cart|my cart|basket|kikapu|tazama kikapu|kikapu changu",
    "back": "back|go back|previous|rudi|rudi nyuma|nyuma",
    "cancel": "cancel|cancel order|cancel my order|cancel it|ghairi|ghairi oda|sitisha|futa oda|acha|stop order",
    "help": "help|help me|commands|what can you do|msaada|saidia|nisaidie|naomba msaada",
    "human": (
        "human|agent|person|a person|real person|talk to a person|talk to someone|talk to human|customer care|"
        "support|operator|mtu|ongea na mtu|nataka mtu|wakala|mhudumu|huduma kwa wateja"
    ),
    "track": (
        "track|track order|track my order|order|my order|order status|status|where is my order|"
        "wheres my order|where is my delivery|oda|oda yangu|agizo|agizo langu|iko wapi oda yangu|oda yangu iko wapi|"
        "fuatilia"
    ),
    "history": (
        "history|orders|my orders|order history|past orders|previous orders|oda zangu|maagizo yangu|oda zilizopita|"
        "historia"
    ),
    "receipt": (
        "receipt|my receipt|receipt copy|copy of receipt|copy of my receipt|send receipt|send my receipt|"
        "resend receipt|risiti|risiti yangu|nitumie risiti|nakala ya risiti"
    ),
    "rate": "rate|rating|review|feedback|kadiria|maoni|toa maoni",
    "stop": "stop|unsubscribe|stop messages|opt out|acha ujumbe|acha kunitumia|sitaki ujumbe|simamisha ujumbe",
    "resume": "unstop|subscribe|start messages|opt in|nitumie ujumbe|anza ujumbe",
    "erase": (
        "delete my data|erase my data|delete my account|forget me|delete me|remove my data|futa data yangu|"
        "futa taarifa zangu|nisahau|futa akaunti yangu"
    ),
    "again": "again|order again|reorder|re order|repeat|repeat order|same again|agiza tena|tena|rudia oda",
    "checkout": "checkout|check out|continue|proceed|finish|done shopping|maliza|maliza kununua|kamilisha|endelea|nimemaliza",
    "paynow": "pay|pay now|lipa|lipia|nataka kulipa|i want to pay",
    "resend": "resend|send again|tuma tena",
    "another_way": "another way|pay another way|njia nyingine",
    "edit": "edit|edit order|change order|hariri|rekebisha",
    "languages": "language|languages|change language|lugha|badili lugha",
}

WORDS: Final[dict[str, str]] = {
    word: option for option, said in _SAID.items() for word in said.split("|")
} | {word: f"language:{code}" for code, language in SPOKEN.items() for word in language.words}
"""Every global word and the option it chooses."""

CALLS_BACK: Final = frozenset({"menu", "main menu", "menyu", "start", "anza"})
"""Words that bring the bot back while a person answers; greetings are for the person."""

_RESUMES: Final = frozenset({"start", "anza"})
"""What undoes "stop"; to everybody else it is the menu."""
_REF: Final = re.compile(r"ord ?([a-z0-9]{6})")

_MEANS_RESEND: Final = frozenset({"again", "tena"})


def word_chosen(said: str, conversation: Conversation) -> Choice | None:
    """The global choice that ``said`` (plain) is, if it is one here.

    "again" is about the payment while one is under way; a word about paying or editing an
    order means nothing here without an order or a cart.
    """
    if said in _MEANS_RESEND and conversation.state in PAYING:
        return None
    named = _REF.fullmatch(said)
    if named:
        return Choice("order", (f"ORD-{named[1].upper()}",))
    if conversation.stopped and said in _RESUMES:
        return Choice("resume")
    option = WORDS.get(said) or WORDS.get(courteous(said)) or WORDS.get(courteous(said, wants=True))
    if option is None:
        return None
    action, *arguments = option.split(":")
    if action in ORDER_ACTIONS:
        if conversation.state in PAYING and action != "edit":
            return None
        if not conversation.order_ref:
            return Choice("checkout") if action == "paynow" and conversation.cart else None
        arguments = [conversation.order_ref]
    return Choice(action, tuple(arguments))


def called_back(said: str, choice: Choice | None, conversation: Conversation) -> bool:
    """Whether the message ends the silence of a handoff: "menu", or a tap to pay the open order."""
    if choice is None:
        return said in CALLS_BACK
    pays = choice.action == "pay" and choice.argument(1) == conversation.order_ref != ""
    return choice.action == "menu" or pays


def _menu(conversation: Conversation, choice: Choice, shop: ShopSnapshot) -> Next:
    fresh = replace(
        conversation, handed_off=False, product_id=None, category_id=None, page=0, misses=0, trail=()
    )
    return goes(fresh, "greeting")


def _products(conversation: Conversation, choice: Choice, shop: ShopSnapshot) -> Next:
    return goes(replace(conversation, product_id=None, category_id=None, page=0), "product_selected")


def _promotions(conversation: Conversation, choice: Choice, shop: ShopSnapshot) -> Next:
    return goes(conversation, "promotions")


def _cart(conversation: Conversation, choice: Choice, shop: ShopSnapshot) -> Next:
    return goes(replace(conversation, product_id=None), "cart")


def _checkout(conversation: Conversation, choice: Choice, shop: ShopSnapshot) -> Next:
    if cart.count(conversation, shop) == 0:
        return goes(conversation, "cart")
    return goes(replace(conversation, product_id=None), "address_input")


def _back(conversation: Conversation, choice: Choice, shop: ShopSnapshot) -> Next:
    if conversation.state == "product_selected":
        if conversation.page > 0:
            return Next(replace(conversation, page=conversation.page - 1))
        if conversation.category_id is not None:
            return Next(replace(conversation, category_id=None))
    if not conversation.trail:
        return _menu(conversation, choice, shop)
    return goes(conversation, conversation.trail[-1])


def _cancel(conversation: Conversation, choice: Choice, shop: ShopSnapshot) -> Next:
    """The open order; with only a cart, the cart after asking; otherwise nothing, kindly."""
    choosing = conversation.cart and conversation.state in SHOPPING
    if conversation.order_ref and not choosing:
        return _cancel_order(conversation)
    if conversation.cart:
        return ask_to_empty(conversation, shop)
    if conversation.state in {"variant_choice", "choose_quantity", "change_quantity"}:
        return goes(
            replace(conversation, product_id=None), "product_selected", words(conversation, "left-product")
        )
    if conversation.state in AFTER_SALE:
        return _menu(conversation, choice, shop)
    return Next(conversation, (FindOrders("cancel"),))


def _cancel_order(conversation: Conversation) -> Next:
    # The state "cart" tells a cancelled order to go back into the cart: leave it before cancelling for good.
    state = "greeting" if conversation.state == "cart" else conversation.state
    return Next(replace(conversation, state=state), (CancelOrder(conversation.order_ref),))


def _help(conversation: Conversation, choice: Choice, shop: ShopSnapshot) -> Next:
    second = "track" if conversation.order_ref else "cart"
    return Next(
        conversation,
        (buttons(words(conversation, "help"), ("products", second, "human"), conversation, shop),),
    )


def _human(conversation: Conversation, choice: Choice, shop: ShopSnapshot) -> Next:
    return goes(replace(conversation, handed_off=True, misses=0), "handed_off")


def _track(conversation: Conversation, choice: Choice, shop: ShopSnapshot) -> Next:
    if conversation.order_ref:
        return Next(conversation, (order_waiting(conversation, shop),))
    return Next(conversation, (FindOrders("track"),))


def _find(conversation: Conversation, choice: Choice, shop: ShopSnapshot) -> Next:
    return Next(conversation, (FindOrders(choice.action, choice.argument(0)),))


def _cancel_paid(conversation: Conversation, choice: Choice, shop: ShopSnapshot) -> Next:
    return Next(conversation, (FindOrders("cancel", choice.argument(0)),))


def _again(conversation: Conversation, choice: Choice, shop: ShopSnapshot) -> Next:
    if choice.argument(0):
        return _find(conversation, choice, shop)
    return order_again(replace(conversation, product_id=None), shop)


def _same_again(conversation: Conversation, choice: Choice, shop: ShopSnapshot) -> Next:
    """The button of an old greeting: nothing is ordered before somebody looked."""
    return order_again(replace(conversation, product_id=None), shop)


def _tell(conversation: Conversation, choice: Choice, shop: ShopSnapshot) -> Next:
    return wait_for(conversation, shop.product(choice.number(0)), shop)


def _face(conversation: Conversation, choice: Choice, shop: ShopSnapshot) -> Next:
    return Next(conversation, (RateOrder(choice.argument(0), FACES[choice.action]),))


def _stop(conversation: Conversation, choice: Choice, shop: ShopSnapshot) -> Next:
    stopped = replace(conversation, stopped=True)
    return Next(stopped, (SetStopped(stopped=True), text(words(conversation, "stopped"))))


def _resume(conversation: Conversation, choice: Choice, shop: ShopSnapshot) -> Next:
    resumed = replace(conversation, stopped=False)
    said = buttons(words(conversation, "resumed"), ("products", "promotions"), conversation, shop)
    return Next(resumed, (SetStopped(stopped=False), said))


def _erase(conversation: Conversation, choice: Choice, shop: ShopSnapshot) -> Next:
    return Next(conversation, (Forget(),))


def _languages(conversation: Conversation, choice: Choice, shop: ShopSnapshot) -> Next:
    known = [f"language:{language}" for language in shop.languages if language in LANGUAGES][:3]
    if len(known) < 2:  # noqa: PLR2004
        return Next(conversation, lead=words(conversation, "language-only"))
    return Next(conversation, (buttons(words(conversation, "language-ask"), known, conversation, shop),))


def _language(conversation: Conversation, choice: Choice, shop: ShopSnapshot) -> Next:
    language = choice.argument(0)
    if language not in LANGUAGES or language not in shop.languages:
        return Next(conversation, lead=words(conversation, "language-only"))
    conversation = replace(conversation, language=language)
    return Next(conversation, lead=words(conversation, "language-set"))


@dataclass(frozen=True, slots=True)
class Action:
    """What a global choice does, and the states it may lead to besides staying."""

    run: Callable[[Conversation, Choice, ShopSnapshot], Next]
    leads_to: frozenset[str] = frozenset()


_SHELVES: Final = frozenset({"product_selected", "variant_choice", "choose_quantity", "cart"})

ACTIONS: Final[dict[str, Action]] = {
    "menu": Action(_menu, frozenset({"greeting"})),
    "products": Action(_products, frozenset({"product_selected"})),
    "add_more": Action(_products, frozenset({"product_selected"})),
    "new": Action(_products, frozenset({"product_selected"})),
    "promotions": Action(_promotions, frozenset({"promotions"})),
    "cart": Action(_cart, frozenset({"cart"})),
    "keep": Action(_cart, frozenset({"cart"})),
    "checkout": Action(_checkout, frozenset({"address_input", "cart"})),
    "back": Action(_back, frozenset({"greeting", *SHOPPING, *PAYING, *AFTER_SALE})),
    "cancel": Action(_cancel, frozenset({"cart", "greeting", "product_selected"})),
    "help": Action(_help),
    "human": Action(_human, frozenset({"handed_off"})),
    "track": Action(_track),
    "history": Action(_find),
    "order": Action(_find),
    "receipt": Action(_find),
    "cancel_paid": Action(_cancel_paid),
    "again": Action(_again, frozenset({"address_input", "product_selected"})),
    "same_again": Action(_same_again, frozenset({"address_input", "product_selected"})),
    "rate": Action(_find),
    "rate_good": Action(_face),
    "rate_fair": Action(_face),
    "rate_poor": Action(_face),
    "stop": Action(_stop),
    "resume": Action(_resume),
    "erase": Action(_erase),
    "languages": Action(_languages),
    "language": Action(_language),
    "product": Action(browse, _SHELVES),
    "variant": Action(browse, _SHELVES),
    "tell": Action(_tell, _SHELVES),
    "category": Action(browse, _SHELVES),
    "more": Action(browse, _SHELVES),
}
"""Harmless choices: they work at any time and at any age of the button."""


def _paynow(conversation: Conversation, choice: Choice, shop: ShopSnapshot) -> Next:
    if conversation.state == "payment_processing":
        return Next(conversation)
    return goes(conversation, "payment_selection")


def _pay(conversation: Conversation, choice: Choice, shop: ShopSnapshot) -> Next:
    return charge(conversation, choice.argument(0))


def _retry(conversation: Conversation, choice: Choice, shop: ShopSnapshot) -> Next:
    if conversation.method in methods(shop):
        return charge(conversation, conversation.method)
    return goes(conversation, "payment_selection")


def _another_way(conversation: Conversation, choice: Choice, shop: ShopSnapshot) -> Next:
    return goes(conversation, "payment_selection")


def _resend(conversation: Conversation, choice: Choice, shop: ShopSnapshot) -> Next:
    return ask_gateway(conversation)


def _edit(conversation: Conversation, choice: Choice, shop: ShopSnapshot) -> Next:
    return act(conversation, Payment("edit"), shop)


def _cancel_this(conversation: Conversation, choice: Choice, shop: ShopSnapshot) -> Next:
    return _cancel_order(conversation)


_CHOICE: Final = frozenset({"payment_selection"})

ORDER_ACTIONS: Final[dict[str, Action]] = {
    "paynow": Action(_paynow, _CHOICE),
    "pay": Action(_pay, _CHOICE),
    "retry": Action(_retry, _CHOICE),
    "another_way": Action(_another_way, _CHOICE),
    "resend": Action(_resend),
    "edit": Action(_edit, frozenset({"cart"})),
    "cancel_order": Action(_cancel_this, frozenset({"greeting"})),
}
"""Choices about one order: their last argument is its reference, and they act only while it is the open one."""

LEADS_TO: Final = frozenset(
    target for action in (*ACTIONS.values(), *ORDER_ACTIONS.values()) for target in action.leads_to
)
"""States that can be reached from everywhere by a word or a button."""


def order_action(choice: Choice, conversation: Conversation, shop: ShopSnapshot) -> Action | None:
    """The action of a choice about the open order, if it may act now.

    A button that would start a payment does nothing while one is under way, and none acts on
    an order that is not the open one.
    """
    action = ORDER_ACTIONS.get(choice.action)
    if action is None or not conversation.order_ref:
        return None
    if (choice.arguments or ("",))[-1] != conversation.order_ref:
        return None
    if choice.action in {"pay", "retry"} and conversation.state == "payment_processing":
        return None
    if choice.action == "pay" and choice.argument(0) not in methods(shop):
        return None
    return action


def claims_paid(conversation: Conversation) -> Next:
    """Answer "I have paid": the gateway is asked; words never mark anything as paid."""
    if conversation.order_ref:
        return ask_gateway(conversation)
    # An order that closed may have been paid too late: ask about what was started before.
    return Next(conversation, (text(words(conversation, "no-open-payment")), AskGateway("")))


PAID_WORDS: Final = frozenset(
    plain(word)
    for word in [
        "paid",
        "i paid",
        "i have paid",
        "ive paid",
        "already paid",
        "i already paid",
        "i have already paid",
        "payment done",
        "payment sent",
        "i sent the money",
        "money sent",
        "sent",
        "nimelipa",
        "nimeshalipa",
        "nishalipa",
        "nimelipia",
        "tayari nimelipa",
        "nimetuma",
        "nimetuma pesa",
    ]
)
"""Claims of payment; they make us ask the gateway, nothing more."""
