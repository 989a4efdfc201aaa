"""Walks the conversation: every place that can be reached, every kind of input there, in each language.

A place is what decides the answer: state, whether there is a cart, an open order, a product being chosen and so on.
From each place the walk goes on with every outcome of what the flow wanted done.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import orjson

from bot import conversation as conversations
from bot import events
from bot.aftersale import ANSWERS
from bot.conversation import Conversation
from bot.effects import (
    AddToDelivery,
    CancelOrder,
    CancelPaid,
    FindOrders,
    Forget,
    PlaceOrder,
    RateOrder,
    RequestPayment,
    Say,
)
from bot.flow import STATES, decide
from bot.global_words import ACTIONS, ORDER_ACTIONS, WORDS
from bot.state import Next
from bot.taps import tap_id
from bot.texts import LANGUAGES
from catalog.snapshot import ShopSnapshot
from ghala import inbound
from ghala.messages import Message, dump, load
from orders.order import Delivery, OrderLineView, OrderView, Receipt
from tests.unit.bot.talk import NOW, VARYING, ZONES, Talk, message

REF = "ORD-7K3M9Q"
ANOTHER = "ORD-9Q3M7K"
PHONE = "+254711345678"
EVERYTHING = replace(VARYING, zones=ZONES)
"""A shop that has what makes states reachable."""
MOST_PLACES = 1_000
"""A walk that finds more has lost itself: the key of a place is too fine."""

TEXTS = (
    "hi",
    "1",
    "2",
    "9",
    "0",
    "coffee",
    "2 coffee and 1 honey",
    "unicorn",
    "mbili",
    "123 Main St, Nairobi",
    "skip",
    "gift",
    "Jane 0722 000 111",
    "pick up",
    "remove 1",
    "yes",
    "no",
    "mpesa",
    "mpesa 0722 000 111",
    "0722000111",
    "COFFEE10",
    "I paid",
    "SKJ4X2ABCD Confirmed. Ksh3,000.00 sent to DUKA",
    "4111 1111 1111 1111",
    "asdf qwer",
    "",
    "\u202e\u200b",
    "🙂",
)
OTHERS: tuple[Any, ...] = (
    inbound.Location(-1.28, 36.8, "Sarit Centre"),
    inbound.Location(-1.28, 36.8),
    inbound.Media("image", "m1"),
    inbound.Media("audio", "m1"),
    inbound.Media("video", "m1"),
    inbound.Media("document", "m1"),
    inbound.Media("sticker", "m1"),
    inbound.NativeCart("c1", "", (inbound.NativeCartItem("coffee", 2, None, None),)),
    inbound.NativeCart("c1", "", ()),
    inbound.ContactCards(("Juma",)),
    inbound.Reaction("wamid.9", "👍"),
    inbound.FlowReply("flow", {}),
    inbound.NumberChanged("254700000000"),
    inbound.Unsupported("ephemeral"),
    inbound.Tap("never-ours", "Something"),
)


@dataclass(frozen=True)
class Place:
    """A conversation that was reached, the shop there, and how: the inputs since the beginning."""

    conversation: Conversation
    way: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[Any, ...]:
        """What the answers depend on; the cart's contents and counts do not matter."""
        here = self.conversation
        return (
            here.state,
            here.language,
            bool(here.cart),
            bool(here.order_ref),
            bool(here.misses),
            here.handed_off,
        )


@dataclass
class Walk:
    """What a walk has seen, and every complaint about it."""

    places: dict[tuple[Any, ...], Place] = field(default_factory=dict)
    answers: int = 0
    inputs: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)
    said: set[tuple[Message, str]] = field(default_factory=set)
    """Every bubble, by its kind; what is said at many places is looked at once."""

    def states(self) -> set[str]:
        """The states that were reached."""
        return {place.conversation.state for place in self.places.values()}


def crawl(shop: ShopSnapshot = EVERYTHING, languages: tuple[str, ...] = tuple(LANGUAGES)) -> Walk:
    """Walk everything that can be reached from a stranger's first word."""
    walk = Walk()
    waiting = deque(Place(Conversation(language=language, phone=PHONE)) for language in languages)
    while waiting and len(walk.places) < MOST_PLACES:
        place = waiting.popleft()
        if place.key in walk.places:
            continue
        walk.places[place.key] = place
        _way_out(place, shop, walk)
        for name, event in happenings(place.conversation):
            walk.inputs[name] += 1
            for after in _answers(place, name, event, shop, walk):
                if after.key not in walk.places:
                    waiting.append(after)
    return walk


def happenings(here: Conversation) -> Iterator[tuple[str, events.Event]]:
    """Everything that may come now, by kind."""
    for text in (*TEXTS, *_one_word_each()):
        yield f"text {text[:30]!r}", events.MessageReceived(message(text))
    for content in OTHERS:
        yield type(content).__name__, events.MessageReceived(message(content))
    offered = {
        *here.options,
        *ACTIONS,
        *(f"{action}:{REF}" for action in ORDER_ACTIONS),
        "pay:mpesa:" + ANOTHER,
    }
    for option in sorted(offered):
        yield f"tap {option}", events.MessageReceived(message(inbound.Tap(tap_id(option, here.turn), "Tap")))
    for option in here.options:
        old = tap_id(option, max(0, here.turn - 7))
        yield f"old tap {option}", events.MessageReceived(message(inbound.Tap(old, "Tap")))
    yield "late text", events.MessageReceived(message("2 coffee"), late=True)
    yield "masked text", events.MessageReceived(message("my card is ••••"), masked=True)
    yield "quoted product", events.MessageReceived(message("this one", referred_product="coffee"))
    for ref in (REF, ANOTHER):
        for event in news(ref):
            yield f"{type(event).__name__} {'' if ref == REF else 'of another order'}".strip(), event


def _one_word_each() -> list[str]:
    """One word for each global choice, the last one found: so both languages have their turn."""
    by_choice = {option: word for word, option in WORDS.items()}
    return sorted(by_choice.values())


def an_order(ref: str = REF, status: str = "pending_payment") -> OrderView:
    """An order of two bags of coffee."""
    return OrderView(
        ref=ref,
        status=status,
        payment_status="unpaid" if status == "pending_payment" else "paid",
        currency="KES",
        lines=(OrderLineView(1, "coffee", "Premium Coffee Beans 1kg", 2, 150_000),),
        subtotal=300_000,
        discount=0,
        delivery_fee=0,
        total=300_000,
        delivery=Delivery("address", "123 Main St, Nairobi"),
        placed_at=NOW,
        hold_until=NOW + timedelta(minutes=30),
    )


STATUSES = ("pending_payment", "paid", "preparing", "dispatched", "delivered", "cancelled", "expired")
_NAMED: dict[str, Any] = {
    "method": "mpesa",
    "phone": PHONE,
    "url": "https://pay.example/1",
    "amount": 300_000,
    "reference": "SKJ4X2ABCD",
}
_VARIANTS: dict[type[Any], tuple[dict[str, Any], ...]] = {
    events.OrderRefused: tuple(
        {"reason": reason, "product_id": 1}
        for reason in ("out_of_stock", "unavailable", "price_changed", "empty")
    ),
    events.CancelRefused: tuple(
        {"reason": reason} for reason in ("paid", "on_its_way", "payment_open", "closed")
    ),
    events.PaymentRefused: tuple(
        {"reason": reason}
        for reason in ("already_open", "already_paid", "order_closed", "no_phone", "too_many_prompts")
    ),
    events.PaymentFailed: tuple({"reason": reason} for reason in ("wrong_pin", "cancelled", "unknown")),
    events.OrdersFound: tuple(
        {"purpose": purpose, "orders": orders, "receipt": receipt}
        for purpose in ANSWERS
        for orders, receipt in (
            ((), None),
            *(((an_order(status=status),), None) for status in STATUSES),
            ((an_order(status="paid"),), Receipt(an_order(status="paid"), "mpesa", "SK1", 300_000, NOW)),
        )
    ),
    events.OrderRated: tuple({"stars": stars, "kept": kept} for stars in (1, 5) for kept in (True, False)),
    events.ForgetAnswered: tuple(
        {"reason": reason} for reason in ("", "done", "unpaid", "undelivered", "payment", "money")
    ),
    events.DeliveryNoted: ({"line": "gate C"}, {"line": "gate C", "kept": False}),
    events.OrderMoved: tuple(
        {"order": status} for status in ("preparing", "dispatched", "delivered", "cancelled", "expired")
    ),
}


@cache
def news(ref: str) -> tuple[events.Event, ...]:
    """One of every event that is no message, about this order; several where they differ in kind."""
    return tuple(
        _made(kind, ref, variant)
        for kind in typing.get_args(events.Event)
        if kind is not events.MessageReceived
        for variant in _VARIANTS.get(kind, ({},))
    )


_hints = cache(typing.get_type_hints)


def _made(kind: type[Any], ref: str, chosen: dict[str, Any]) -> Any:
    hints = _hints(kind)
    values = {}
    for part in dataclasses.fields(kind):
        if hints[part.name] is OrderView:
            values[part.name] = an_order(ref, chosen.get(part.name, "pending_payment"))
        elif part.name in chosen:
            values[part.name] = chosen[part.name]
        elif part.default is dataclasses.MISSING and part.default_factory is dataclasses.MISSING:
            values[part.name] = _sample(part.name, hints[part.name], ref)
    return kind(**values)


def _sample(name: str, hint: Any, ref: str) -> Any:
    if name in _NAMED:
        return _NAMED[name]
    if name.endswith("_ref"):
        return ref
    if hint is OrderView:
        return an_order(ref)
    if hint is Receipt:
        return Receipt(an_order(ref, "paid"), "mpesa", "SKJ4X2ABCD", 300_000, NOW)
    if hint is datetime:
        return NOW
    if hint is str:
        return "unknown"
    if hint is int:
        return 1
    if hint is bool:
        return False
    if typing.get_origin(hint) is types.UnionType and type(None) in typing.get_args(hint):
        return None
    if typing.get_origin(hint) is tuple:
        return ()
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _made(hint, ref, {})
    raise TypeError(f"no sample of {name}: {hint}; give it one in tests/crawler/walk.py")


def _answers(place: Place, name: str, event: events.Event, shop: ShopSnapshot, walk: Walk) -> list[Place]:
    """Decide, complain about what must not be, and where it leads with each outcome."""
    here = place.conversation
    way = (*place.way, name)
    try:
        step = decide(here, event, shop)
    except Exception as error:  # noqa: BLE001 - a crash is a finding like others
        walk.complaints.append(f"{' → '.join(way)}: {type(error).__name__}: {error}")
        return []
    walk.answers += 1
    _legal(here, event, step, way, walk)
    after = Place(_stored(step.conversation), way)
    places = [after]
    for effect in step.effects:
        for outcome in outcomes(effect, step.conversation):
            places += _answers(replace(after, way=way), f"({type(outcome).__name__})", outcome, shop, walk)
    return places


@cache
def _stored(conversation: Conversation) -> Conversation:
    """The conversation as the next worker reads it."""
    return conversations.load(conversations.dump(conversation))


def outcomes(effect: Any, here: Conversation) -> list[events.Event]:
    """What may come of an effect."""
    if isinstance(effect, PlaceOrder):
        refused = [_made(events.OrderRefused, REF, variant) for variant in _VARIANTS[events.OrderRefused]]
        return [events.OrderPlaced(an_order()), *refused]
    if isinstance(effect, CancelOrder):
        refused = [_made(events.CancelRefused, effect.order_ref, v) for v in _VARIANTS[events.CancelRefused]]
        return [events.OrderCancelled(an_order(effect.order_ref, "cancelled")), *refused]
    if isinstance(effect, RequestPayment):
        refused = [
            _made(events.PaymentRefused, effect.order_ref, v) for v in _VARIANTS[events.PaymentRefused]
        ]
        order = an_order(effect.order_ref or here.order_ref)
        return [events.PaymentRequested(order, effect.method, effect.phone), *refused]
    if isinstance(effect, FindOrders):
        return [
            _made(events.OrdersFound, REF, found)
            for found in _VARIANTS[events.OrdersFound]
            if found["purpose"] == effect.purpose
        ]
    answered = {
        CancelPaid: events.CancelRefused,
        AddToDelivery: events.DeliveryNoted,
        RateOrder: events.OrderRated,
    }
    answered[Forget] = events.ForgetAnswered
    kind = answered.get(type(effect))
    made = [_made(kind, REF, variant) for variant in _VARIANTS[kind]] if kind else []
    return (
        [events.OrderCancelled(an_order(status="cancelled")), *made] if kind is events.CancelRefused else made
    )


def _legal(here: Conversation, event: events.Event, step: Next, way: tuple[str, ...], walk: Walk) -> None:
    """What must hold of every answer."""
    said = [effect for effect in step.effects if isinstance(effect, Say)]
    does = [effect for effect in step.effects if not isinstance(effect, Say)]

    def complain(what: str) -> None:
        walk.complaints.append(f"{' → '.join(way)}: {what}")

    if step.conversation.state not in STATES:
        complain(f"no such state: {step.conversation.state}")
    if len(said) > 1:
        complain(f"{len(said)} bubbles in one turn")
    for say in said:
        if (say.message, say.kind) in walk.said:
            continue
        walk.said.add((say.message, say.kind))
        if load(dump(say.message)) != say.message:
            complain("a message that does not survive its storing")
        if ("RECEIPT ·" in words_of(say.message)) != (say.kind in {"receipt", "copy"}):
            complain("a receipt's heading where there is no receipt, or none where there is one")
    if not isinstance(event, events.MessageReceived):
        return
    if not said and not does and not here.handed_off and not step.silent:
        complain("no answer")
    if (
        not said
        and not does
        and not here.handed_off
        and not isinstance(event.message.content, inbound.Reaction)
    ):
        complain("silence")
    if event.late and does:
        complain(f"a late message caused {[type(effect).__name__ for effect in does]}")


def words_of(said: Message) -> str:
    """The words of a message as a customer without buttons reads them."""
    return said.numbered()


def _way_out(place: Place, shop: ShopSnapshot, walk: Walk) -> None:
    """From everywhere "menu" leads home or to a choice, "help" helps, and a person can be asked for."""
    for word in ("menu", "help", "human"):
        here = replace(place.conversation, handed_off=False) if word == "human" else place.conversation
        step = decide(here, events.MessageReceived(message(word)), shop)
        said = [effect for effect in step.effects if isinstance(effect, Say)]
        if not said and not here.handed_off:
            walk.complaints.append(f"{' → '.join(place.way)}: {word!r} is not answered")
        if word == "menu" and not step.conversation.options:
            walk.complaints.append(f"{' → '.join(place.way)}: 'menu' offers nothing")
        if word == "human" and not step.conversation.handed_off:
            walk.complaints.append(f"{' → '.join(place.way)}: no person can be asked for")


@dataclass(frozen=True)
class Journey:
    """What one purchase took: messages each way, and bytes of what we send as Meta-like bodies."""

    name: str
    language: str
    received: int
    sent: int
    sent_bytes: int


def first_order(language: str) -> Journey:
    """A stranger taps through to the receipt."""
    talk = Talk(language=language)
    steps = ["hi", "products", "coffee", "2", "123 Main St, Nairobi", "mpesa"]
    talk.says(*steps).pays()
    return _measured("first order", language, len(steps), talk)


def repeat_order(language: str) -> Journey:
    """Somebody who bought before buys the same again."""
    first = Talk(language=language)
    first.says("hi", "2 coffee", "123 Main St, Nairobi", "mpesa").pays()
    talk = Talk(**conversations_fields(first.conversation)).says("hi")
    talk.taps_id(next(option for option in talk.conversation.options if option.startswith("same_again")))
    talk.says("mpesa").pays()
    return _measured("repeat order", language, 3, talk)


def conversations_fields(conversation: Conversation) -> dict[str, Any]:
    """The fields of a conversation, to begin another talk with."""
    return {part.name: getattr(conversation, part.name) for part in dataclasses.fields(conversation)}


def _measured(name: str, language: str, received: int, talk: Talk) -> Journey:
    size = sum(len(orjson.dumps({"to": PHONE, **say.message.wire()})) for say in talk.said)
    return Journey(name, language, received, len(talk.said), size)
