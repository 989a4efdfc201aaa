"""The conversation's one door: ``decide`` turns a conversation and an event into what is next. Pure.

Nothing here sends, stores or reads a clock; ``shop.now`` is the only time. The graph of states
is checked when this module is imported, so that a wrong flow never starts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from bot import cart, global_words, other_input, states
from bot.conversation import Conversation
from bot.effects import Effect, Say
from bot.events import Event, MessageReceived
from bot.global_words import PAYING, order_action
from bot.news import REACTIONS
from bot.state import Next, State
from bot.taps import Choice, parse
from bot.texts import spoken
from bot.understanding.names import clean_name
from bot.understanding.payments import pasted_sms, payment_code
from bot.understanding.secrets import mask_secrets
from bot.understanding.words import LONGEST_READ, plain
from bot.wording import PROMPTED, amount, buttons, joined, label, offered, with_lead, words
from catalog.pricing import find_code
from catalog.snapshot import PromotionView, ShopSnapshot, in_language
from errors import FlowError
from ghala.inbound import InboundMessage, NativeCart, Tap, TextContent
from ghala.messages import fit, without_numbers
from payments.phone import normalise
from records import replace

__all__ = ["STATES", "Next", "State", "decide", "validate"]

DEEPEST_TRAIL: Final = 8
MISSES_BEFORE_A_PERSON: Final = 2


def validate(all_states: Iterable[State[Any]], from_everywhere: frozenset[str]) -> dict[str, State[Any]]:
    """The states by name; the first one is where conversations begin.

    Raises:
        FlowError: a name is used twice, a target does not exist, a state cannot be reached
            or cannot be left.
    """
    listed = tuple(all_states)
    named = {state.name: state for state in listed}
    if len(named) != len(listed):
        raise FlowError("two states have the same name")
    for state in listed:
        unknown = (state.leads_to | {state.otherwise}) - named.keys()
        if unknown:
            raise FlowError(f"{state.name} leads to unknown states: {sorted(unknown)}")
        if not state.leads_to - {state.name}:
            raise FlowError(f"{state.name} is a trap: it leads nowhere")
    if from_everywhere - named.keys():
        raise FlowError(f"global words lead to unknown states: {sorted(from_everywhere - named.keys())}")
    reached: set[str] = set()
    waiting = {listed[0].name, *from_everywhere} if listed else set()
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting |= named[name].leads_to - reached
    if named.keys() - reached:
        raise FlowError(f"states that cannot be reached: {sorted(named.keys() - reached)}")
    return named


STATES: Final = validate(states.ALL, global_words.LEADS_TO)
"""Every state by the name it is stored under."""

START: Final = states.ALL[0].name
_EVENTS_LEAD_TO: Final = frozenset(target for reaction in REACTIONS.values() for target in reaction.leads_to)
if _EVENTS_LEAD_TO - STATES.keys():
    raise FlowError(f"events lead to unknown states: {sorted(_EVENTS_LEAD_TO - STATES.keys())}")


def decide(conversation: Conversation, event: Event, shop: ShopSnapshot) -> Next:
    """What follows from ``event``: the conversation after it, and the effects to carry out, in order.

    Never raises for anything a customer can send or the database may hold, and always either
    says something, causes an event that will be answered, or is silent on purpose.

    Raises:
        FlowError: a state or handler led where it had not declared it would: our bug.
    """
    before = _settled(_known(conversation), shop)
    # What is said now is the next turn: its buttons must carry that number.
    asked = replace(before, turn=before.turn + 1)
    if isinstance(event, MessageReceived):
        step, allowed = _message(asked, event, shop)
    else:
        reaction = REACTIONS[type(event)]
        step, allowed = reaction.run(event, asked, shop), reaction.leads_to
    _verify(before, step, allowed)
    if before.handed_off and step.conversation.handed_off and not isinstance(event, MessageReceived):
        step = _unheard(before, step)
    return _finished(before, _spoken(_settle(step, shop), shop))


def _known(conversation: Conversation) -> Conversation:
    """The conversation with a state and a language of today; old rows may hold others."""
    if conversation.state not in STATES:
        conversation = replace(conversation, state=START, trail=())
    trail = tuple(name for name in conversation.trail if name in STATES)
    return replace(conversation, trail=trail, language=spoken(conversation.language))


def _settled(conversation: Conversation, shop: ShopSnapshot) -> Conversation:
    """The conversation in a state that has what it needs: products disappear, orders get paid."""
    for _ in STATES:
        state = STATES[conversation.state]
        if state.ready(conversation, shop):
            return conversation
        conversation = replace(conversation, state=state.otherwise)
    raise FlowError(f"no state is ready from {conversation.state}")


def _settle(step: Next, shop: ShopSnapshot) -> Next:
    return replace(step, conversation=_settled(step.conversation, shop))


def _verify(before: Conversation, step: Next, allowed: frozenset[str]) -> None:
    target = step.conversation.state
    if target != before.state and target not in allowed:
        raise FlowError(f"{before.state} led to {target}, which was not declared")


def _unheard(before: Conversation, step: Next) -> Next:
    """While a person answers, only money and order news is said, and the place is kept."""
    said = tuple(
        effect for effect in step.effects if not isinstance(effect, Say) or effect.kind in {"receipt", "news"}
    )
    kept = replace(step.conversation, state=before.state)
    return Next(kept, said, silent=True)


def _spoken(step: Next, shop: ShopSnapshot) -> Next:
    """The step with something said: by itself, by the event it causes, or by the state's prompt."""
    if step.silent:
        return step
    if not step.effects:
        state = STATES[step.conversation.state]
        prompt = state.prompt(step.conversation, shop)
        shown = state.shown(step.conversation, shop)
        return replace(step, conversation=shown, effects=(with_lead(step.lead, prompt),), lead="")
    if step.lead:
        said = tuple(with_lead(step.lead, e) if isinstance(e, Say) else e for e in step.effects)
        return replace(step, effects=said, lead="")
    return step


def _finished(before: Conversation, step: Next) -> Next:
    """The step with its turn, its options and its way back noted."""
    after = step.conversation
    said = [effect for effect in step.effects if isinstance(effect, Say)]
    options = next((found for say in reversed(said) if (found := offered(say.message))), None)
    answered = any(say.kind == "reply" for say in said) or options is not None
    return Next(
        replace(
            after,
            turn=before.turn + 1 if answered else before.turn,
            options=before.options if options is None else options,
            trail=_trail(before, after),
        ),
        tuple(_as_answered(effect, after.state) for effect in step.effects),
    )


def _as_answered(effect: Effect, state: str) -> Effect:
    """Where digits are an answer of their own, a message must not number its choices."""
    if isinstance(effect, Say) and STATES[state].takes_numbers:
        return replace(effect, message=without_numbers(effect.message))
    return effect


def _trail(before: Conversation, after: Conversation) -> tuple[str, ...]:
    """The way back: a step forward is remembered, a step onto the way shortens it, home ends it."""
    if after.state == before.state:
        return after.trail
    crossed = (after.state in PAYING) != (before.state in PAYING)
    if crossed or after.state in {START, "handed_off"} or before.state == "handed_off":
        return ()
    if after.state in after.trail:
        return after.trail[: after.trail.index(after.state)]
    return (*after.trail, before.state)[-DEEPEST_TRAIL:]


def _message(
    conversation: Conversation, event: MessageReceived, shop: ShopSnapshot
) -> tuple[Next, frozenset[str]]:
    """The answer to a message, and the states it may lead to."""
    message = event.message
    conversation = _introduced(conversation, message, shop)
    choice = _tapped(message)
    if conversation.handed_off:
        said = plain(message.content.body) if isinstance(message.content, TextContent) else ""
        if event.late or not global_words.called_back(said, choice, conversation):
            return Next(conversation, silent=True), frozenset()
        conversation = replace(conversation, handed_off=False, state=START)
        choice = choice or Choice("menu")
        step, allowed = _chosen(conversation, choice, message, shop)
        return step, allowed | {START}
    if event.late:
        return Next(conversation, lead=words(conversation, "late")), frozenset()
    if message.referred_product:
        referred = _referred(conversation, message.referred_product, shop)
        if referred is not None:
            return referred, global_words.ACTIONS["product"].leads_to
    if choice is not None:
        return _chosen(conversation, choice, message, shop)
    if isinstance(message.content, Tap):
        message = replace(message, content=TextContent(message.content.title))
    if isinstance(message.content, TextContent):
        if event.masked:
            return Next(conversation, lead=words(conversation, "secret-warning")), frozenset()
        return _text(conversation, message.content.body[:LONGEST_READ], message, shop)
    accepted = _accepted(conversation, message, shop)
    if accepted is not None:
        return accepted
    leads_to = (
        frozenset({"address_input", "product_selected", "variant_choice"})
        if isinstance(message.content, NativeCart)
        else frozenset()
    )
    return _understood(other_input.answer(message.content, conversation, shop)), leads_to


def _introduced(conversation: Conversation, message: InboundMessage, shop: ShopSnapshot) -> Conversation:
    """The conversation with the name and number the message came with, and the advert it came from."""
    name = clean_name(message.name or "") or conversation.name
    phone = normalise(f"+{message.phone.lstrip('+')}", shop.country) if message.phone else None
    return replace(
        conversation,
        name=name,
        phone=phone or conversation.phone,
        referral=message.referral or conversation.referral,
    )


def _tapped(message: InboundMessage) -> Choice | None:
    """The choice that was tapped, if the button was one of ours."""
    if not isinstance(message.content, Tap):
        return None
    choice = parse(message.content.id)
    return choice if choice is not None and choice.action in _KNOWN_ACTIONS else None


_KNOWN_ACTIONS: Final = frozenset(global_words.ACTIONS) | frozenset(global_words.ORDER_ACTIONS).union(
    *(state.actions for state in STATES.values())
)


def _referred(conversation: Conversation, sku: str, shop: ShopSnapshot) -> Next | None:
    step = other_input.quoted_product(sku, conversation, shop)
    return None if step is None else _understood(step)


def _understood(step: Next) -> Next:
    return replace(step, conversation=replace(step.conversation, misses=0))


def _accepted(
    conversation: Conversation, message: InboundMessage, shop: ShopSnapshot
) -> tuple[Next, frozenset[str]] | None:
    """The state's own understanding of the message, if it has one."""
    state = STATES[conversation.state]
    answer = state.accepts(message, conversation, shop)
    if answer is None:
        return None
    step = state.transition(replace(conversation, misses=0), answer, shop)
    return step, state.leads_to


def _chosen(
    conversation: Conversation, choice: Choice, message: InboundMessage, shop: ShopSnapshot
) -> tuple[Next, frozenset[str]]:
    """A tap, or words that mean one: by the state, from everywhere, or not any more."""
    tap = replace(message, content=Tap(id=choice.option, title="", description=""))
    accepted = _accepted(conversation, tap, shop)
    if accepted is not None:
        return accepted
    fresh = replace(conversation, misses=0)
    action = global_words.ACTIONS.get(choice.action) or order_action(choice, conversation, shop)
    if action is not None:
        return action.run(fresh, choice, shop), action.leads_to
    return Next(fresh, lead=words(fresh, "old-button")), frozenset()


def _text(
    conversation: Conversation, body: str, message: InboundMessage, shop: ShopSnapshot
) -> tuple[Next, frozenset[str]]:
    """Words: secrets first, then what was offered, what is global, and what the state understands."""
    pin_expected = conversation.state == "payment_processing" and conversation.method in {"", *PROMPTED}
    if mask_secrets(body, pin_expected=pin_expected) != body:
        return Next(conversation, lead=words(conversation, "secret-warning")), frozenset()
    said = plain(body)
    state = STATES[conversation.state]
    choice = _by_title(said, conversation, shop)
    if choice is None and not state.takes_numbers:
        choice = _by_number(body, conversation)
    choice = choice or global_words.word_chosen(said, conversation)
    if choice is not None:
        return _chosen(conversation, choice, message, shop)
    if said in global_words.PAID_WORDS or pasted_sms(body) or (conversation.order_ref and payment_code(body)):
        return _understood(global_words.claims_paid(conversation)), frozenset()
    promotion = _promotion(body, shop)
    if promotion is not None:
        return _understood(_promised(conversation, promotion, shop)), frozenset()
    accepted = _accepted(conversation, message, shop)
    if accepted is not None:
        return accepted
    choice = _by_number(body, conversation)
    if choice is not None:
        return _chosen(conversation, choice, message, shop)
    return _missed(conversation, shop), frozenset()


def _by_number(body: str, conversation: Conversation) -> Choice | None:
    """The choice a bare number means: "2" is the second one shown last."""
    said = body.strip().rstrip(".)")
    if not (said.isascii() and said.isdigit() and len(said) <= 2):  # noqa: PLR2004
        return None
    place = int(said)
    return parse(conversation.options[place - 1]) if 1 <= place <= len(conversation.options) else None


def _by_title(said: str, conversation: Conversation, shop: ShopSnapshot) -> Choice | None:
    """The title of a choice shown last, typed; a title of digits is a number, and the state's to read."""
    if not said or said.isdigit():
        return None
    for option in conversation.options:
        choice = parse(option)
        if choice is None or choice.action not in _TITLED:
            continue
        if plain(label(option, conversation, shop)) == said:
            return choice
    return None


_TITLED: Final = _KNOWN_ACTIONS - {
    "qty",
    "category",
    "more",
    "more_zones",
    "more_variants",
    "variant",
    "zone",
}
"""Choices whose title can be typed; categories and zones are known to their states by name."""


def _promotion(body: str, shop: ShopSnapshot) -> PromotionView | None:
    """The promotion whose code was typed, with or without the word "code" before it."""
    text = body.strip()
    found = find_code(shop, text)
    if found is not None:
        return found
    first, _, rest = text.partition(" ")
    return find_code(shop, rest.lstrip(": ")) if first.casefold().rstrip(":") in _CODE_WORDS else None


_CODE_WORDS: Final = frozenset({"code", "promo", "coupon", "voucher", "kuponi", "msimbo"})


def _promised(conversation: Conversation, promotion: PromotionView, shop: ShopSnapshot) -> Next:
    """Remember the code, and say what it does to what is in the cart."""
    title = fit(in_language(promotion.titles, conversation.language), 80)
    if conversation.state in PAYING:
        return Next(conversation, lead=words(conversation, "promo-too-late", title=title))
    conversation = replace(conversation, promo_code=promotion.code)
    terms = fit(in_language(promotion.terms, conversation.language).strip(), 200)
    quoted = cart.price(conversation, shop)
    effect = ""
    if quoted.lines and quoted.promotion is promotion:
        saved = amount(quoted.discount, conversation, shop)
        effect = words(conversation, "promo-saves", amount=saved)
    elif quoted.lines:
        effect = words(conversation, "promo-not-yet")
    lead = joined((words(conversation, "promo-noted", code=promotion.code, title=title), terms, effect))
    return Next(conversation, lead=lead)


def _missed(conversation: Conversation, shop: ShopSnapshot) -> Next:
    """Say what would be understood; the second time in a row offer a person. At the door: greet."""
    state = STATES[conversation.state]
    # The first word of a new customer is a greeting, whatever it is.
    first = state.name == START and conversation.turn == 1
    conversation = replace(conversation, misses=0 if first else conversation.misses + 1)
    if state.name == START and conversation.misses < MISSES_BEFORE_A_PERSON:
        return Next(conversation)
    hint = words(conversation, state.hint)
    if conversation.misses >= MISSES_BEFORE_A_PERSON:
        body = words(conversation, "miss-again", hint=hint)
        return Next(conversation, (buttons(body, ("human", "menu"), conversation, shop),))
    return Next(conversation, lead=hint)
