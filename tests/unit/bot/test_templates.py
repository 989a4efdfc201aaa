"""Every template that may be sent is declared as WhatsApp would take it, and filled as declared."""

import ast
from pathlib import Path

import pytest

from bot import news, templates
from bot.texts import LANGUAGES
from errors import ConfigError, FlowError
from ghala.messages import Template

ROOT = Path(templates.__file__).parents[1]
GOOD = """
order_receipt:
  when: an order was paid
  category: utility
  variables: {ref: ORD-1, total: KES 1}
  body:
    en: "Order {ref} is paid: {total}. Thank you."
    sw: "Oda {ref} imelipwa: {total}. Asante."
"""


def test_every_template_of_the_flow_is_declared():
    templates.check(news.TEMPLATES)


def test_nothing_is_declared_that_nobody_sends():
    literals = {
        call.args[0].value
        for path in sorted([*ROOT.glob("bot/**/*.py"), *ROOT.glob("admin/**/*.py")])
        for call in calls(path, "fill")
        if call.args and isinstance(call.args[0], ast.Constant)
    }
    assert templates.declared().keys() == news.TEMPLATES | literals


def calls(path, name):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called == name:
                yield node


@pytest.mark.parametrize("room", ["admin", "bot", "catalog", "jobs", "keeping", "orders", "payments"])
def test_templates_are_filled_in_one_place(room):
    makers = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / room).rglob("*.py")
        for _ in calls(path, "Template")
    }
    assert makers <= {"bot/templates.py"}


def test_a_missing_template_stops_the_start_and_is_named():
    with pytest.raises(ConfigError, match=r"order_lost is used, but not declared in templates\.yaml"):
        templates.check({"order_receipt", "order_lost"})


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("order_receipt", "Order Receipt", "small letters"),
        ("utility", "urgent", "category"),
        ("    sw:", "    fr:", "no body in sw"),
        ("{ref} is paid", "{number} is paid", "places"),
        ("{ref} is paid", "is paid", "places"),
        (". Asante.", "", "ends with a place"),
        ('"Order {ref}', '"{ref}', "begins or ends"),
        (" is paid: {total}", " {total}", "side by side"),
        ("Thank you.", "x" * 1024, "longer than 1024"),
        ("Thank you.", "a    b", "four spaces"),
    ],
)
def test_what_whatsapp_would_refuse_is_said(before, after, said):
    assert before in GOOD
    with pytest.raises(ConfigError, match=said):
        templates.read(GOOD.replace(before, after, 1))


@pytest.mark.parametrize("source", ["", "[]", "a: [", "order_receipt: 7"])
def test_a_file_that_declares_nothing_is_refused(source):
    with pytest.raises(ConfigError):
        templates.read(source)


def test_places_are_filled_in_their_declared_order():
    filled = templates.fill("order_receipt", "sw", total="KES 1", ref="ORD-1")
    assert filled == Template("order_receipt", "sw", ("ORD-1", "KES 1"))


def test_a_value_is_made_one_line_and_never_empty():
    filled = templates.fill("order_receipt", "xx", ref=" a\n\n b\tc      d", total=" ")
    assert filled == Template("order_receipt", "en", ("a b c d", "-"))
    assert templates.fill("order_receipt", "en", ref="1", total="KES\u00a01").parameters[1] == "KES\u00a01"


@pytest.mark.parametrize("values", [{}, {"ref": "1"}, {"ref": "1", "total": "2", "more": "3"}])
def test_other_values_than_declared_are_our_mistake(values):
    with pytest.raises(FlowError):
        templates.fill("order_receipt", "en", **values)


def test_an_undeclared_template_is_our_mistake():
    with pytest.raises(FlowError):
        templates.fill("order_lost", "en")


@pytest.mark.parametrize("name", templates.declared())
def test_the_list_to_register_has_every_body_in_every_language(name):
    page = templates.PAGE.read_text(encoding="utf-8")
    for language in LANGUAGES:
        assert templates.declared()[name].numbered(language) in page


def test_the_list_to_register_is_fresh():
    assert templates.PAGE.read_text(encoding="utf-8") == templates.draw(), "run make templates"
