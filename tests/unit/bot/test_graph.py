"""The graph of states: what is refused at import, and that its drawing is fresh."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from bot import diagram
from bot.conversation import Conversation
from bot.effects import Say
from bot.flow import STATES, _verify, validate
from bot.global_words import ACTIONS, AFTER_SALE, LEADS_TO, ORDER_ACTIONS, PAYING, SHOPPING, WORDS
from bot.news import REACTIONS
from bot.state import Next, State
from bot.texts import speaks
from bot.wording import text
from errors import FlowError

BOT = Path(diagram.__file__).parent
PURE = [
    path
    for path in BOT.rglob("*.py")
    if path.parent.name in {"states", "understanding"}
    or path.stem
    in {
        "flow",
        "state",
        "news",
        "global_words",
        "other_input",
        "receipt",
        "shopping",
        "aftersale",
        "ordering",
        "cart",
        "taps",
        "wording",
    }
]


class Room(State[str]):
    def prompt(self, conversation, shop) -> Say:
        return text("?")

    def accepts(self, message, conversation, shop) -> str | None:
        return None

    def transition(self, conversation, answer, shop) -> Next:
        return Next(conversation)


def room(called: str, *targets: str, otherwise: str = "a") -> State[str]:
    return type("Made", (Room,), {"name": called, "leads_to": frozenset(targets), "otherwise": otherwise})()


@pytest.mark.parametrize(
    "rooms",
    [
        [room("a", "b"), room("b", "a"), room("b", "a")],
        [room("a", "nowhere")],
        [room("a", "b"), room("b", "a"), room("c", "a")],
        [room("a", "b"), room("b")],
        [room("a", "b"), room("b", "b")],
        [room("a", "b"), room("b", "a", otherwise="nowhere")],
    ],
    ids=["twice", "unknown", "unreachable", "trap", "lonely", "fallback"],
)
def test_a_wrong_graph_is_refused(rooms):
    with pytest.raises(FlowError):
        validate(rooms, frozenset())


def test_a_right_graph_is_taken():
    assert list(validate([room("a", "b"), room("b", "a")], frozenset())) == ["a", "b"]


def test_a_word_may_not_lead_to_an_unknown_state():
    with pytest.raises(FlowError):
        validate([room("a", "b"), room("b", "a")], frozenset({"c"}))


def test_a_step_to_an_undeclared_state_is_our_bug():
    with pytest.raises(FlowError):
        _verify(
            Conversation(state="greeting"), Next(Conversation(state="payment_failed")), frozenset({"cart"})
        )


def test_the_names_of_the_original_are_kept():
    kept = {
        "greeting",
        "promotions",
        "product_selected",
        "choose_quantity",
        "address_input",
        "payment_selection",
    }
    assert kept | {"payment_processing"} <= STATES.keys()


def test_every_word_chooses_something_that_exists():
    assert {option.split(":")[0] for option in WORDS.values()} <= ACTIONS.keys() | ORDER_ACTIONS.keys()
    assert {target for r in REACTIONS.values() for target in r.leads_to} | LEADS_TO <= STATES.keys()


def test_the_drawing_of_the_flow_is_fresh():
    assert diagram.PAGE.read_text(encoding="utf-8") == diagram.draw(), "run make flow"


@pytest.mark.parametrize("path", PURE, ids=lambda path: path.stem)
def test_the_flow_is_pure(path):
    forbidden = {
        "os",
        "time",
        "random",
        "db",
        "flask",
        "redis",
        "requests",
        "sqlalchemy",
        "jobs",
        "app",
        "config",
    }
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not {name.split(".")[0] for name in names} & forbidden
        assert not (
            isinstance(node, ast.Attribute)
            and node.attr in {"now", "utcnow", "today"}
            and ast.unparse(node.value) != "shop"
        )


@pytest.mark.parametrize("path", [p for p in PURE if p.parent.name == "states"], ids=lambda path: path.stem)
def test_no_sentence_of_the_bot_is_written_in_code(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    strings = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") in {"buttons", "text", "listing", "row", "Text", "Buttons", "goes"}
        for node in (*node.args, *(keyword.value for keyword in node.keywords))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert not [node.value for node in strings if " " in node.value or node.value[:1].isupper()]


@pytest.mark.parametrize("state", STATES.values(), ids=lambda state: state.name)
def test_every_state_can_say_what_it_would_understand(state) -> None:
    assert speaks(state.hint)


def test_a_state_is_about_shopping_unless_it_is_said_to_be_about_something_else() -> None:
    elsewhere = PAYING | AFTER_SALE | {"greeting", "handed_off"}
    assert STATES.keys() - elsewhere == SHOPPING
