"""WhatsApp's limits hold when a message is built, and every message survives the outbox."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghala.messages import (
    LIMITS,
    TYPES,
    Button,
    Buttons,
    Image,
    InvalidMessage,
    LinkButton,
    ListMessage,
    LocationRequest,
    Row,
    Section,
    Template,
    Text,
    dump,
    fit,
    load,
    without_numbers,
)

PICTURE = "https://shop.example/coffee.jpg"
YES = Button("yes", "Yes")


def rows(count, start=0):
    return tuple(Row(f"r{n}", f"Row {n}") for n in range(start, start + count))


FULLEST = {
    "text": Text("x" * 4096, preview_url=True),
    "image": Image(PICTURE, "c" * 1024),
    "buttons": Buttons("b" * 1024, tuple(Button("i" * 255 + str(n), "t" * 19 + str(n)) for n in range(3)), image=PICTURE, footer="f" * 60),
    "list": ListMessage(
        "b" * 1024, "v" * 20,
        tuple(Section((Row("i" * 199 + str(n), "t" * 24, "d" * 72),), "s" * 24) for n in range(10)), "h" * 60, "f" * 60,
    ),
    "link_button": LinkButton("b" * 1024, "t" * 20, "https://pay.example/x", "h" * 60, "f" * 60),
    "location_request": LocationRequest("b" * 1024),
    "template": Template("order_receipt", "en_US", ("Amina", "KES 3,000")),
}  # fmt: skip

REFUSED = {
    "text too long": (lambda: Text("x" * 4097), "4096"),
    "text empty": (lambda: Text(""), "empty"),
    "text of spaces": (lambda: Text(" \n\t\u00a0"), "empty"),
    "text is no text": (lambda: Text(7), "must be text"),
    "text is None": (lambda: Text(None), "must be text"),
    "text with NUL": (lambda: Text("a\x00b"), "NUL"),
    "text with half an emoji": (lambda: Text("a\ud83d"), "surrogate"),
    "caption too long": (lambda: Image(PICTURE, "c" * 1025), "1024"),
    "image without link": (lambda: Image(""), "empty"),
    "image from a file": (lambda: Image("file:///etc/passwd"), "web address"),
    "image from nowhere": (lambda: Image("https://"), "web address"),
    "image link broken": (lambda: Image("http://[x"), "web address"),
    "image link with a space": (lambda: Image("https://shop.example/a b"), "web address"),
    "button id too long": (lambda: Button("i" * 257, "Yes"), "256"),
    "button id with a space before": (lambda: Button(" yes", "Yes"), "space"),
    "button id with a space after": (lambda: Button("yes ", "Yes"), "space"),
    "button id empty": (lambda: Button("", "Yes"), "empty"),
    "button title too long": (lambda: Button("yes", "t" * 21), "20"),
    "button title empty": (lambda: Button("yes", " "), "empty"),
    "no buttons": (lambda: Buttons("Sure?", ()), "1 to 3"),
    "four buttons": (lambda: Buttons("Sure?", tuple(Button(str(n), str(n)) for n in range(4))), "1 to 3"),
    "buttons in a list": (lambda: Buttons("Sure?", [YES]), "tuple"),
    "two buttons with one id": (lambda: Buttons("Sure?", (YES, Button("yes", "No"))), "ids"),
    "two buttons with one title": (lambda: Buttons("Sure?", (YES, Button("no", "Yes"))), "titles"),
    "buttons body too long": (lambda: Buttons("b" * 1025, (YES,)), "1024"),
    "buttons body empty": (lambda: Buttons("", (YES,)), "empty"),
    "image and heading": (lambda: Buttons("Sure?", (YES,), image=PICTURE, header="Shop"), "not both"),
    "header too long": (lambda: Buttons("Sure?", (YES,), header="h" * 61), "60"),
    "header of spaces": (lambda: Buttons("Sure?", (YES,), header="  "), "empty"),
    "footer too long": (lambda: Buttons("Sure?", (YES,), footer="f" * 61), "60"),
    "header image not on the web": (lambda: Buttons("Sure?", (YES,), image="x.jpg"), "web address"),
    "row id too long": (lambda: Row("i" * 201, "Tea"), "200"),
    "row title too long": (lambda: Row("tea", "t" * 25), "24"),
    "row description too long": (lambda: Row("tea", "Tea", "d" * 73), "72"),
    "section without rows": (lambda: Section(()), "1 to 10"),
    "section title too long": (lambda: Section(rows(1), "s" * 25), "24"),
    "list without sections": (lambda: ListMessage("Choose", "View", ()), "1 to 10"),
    "eleven rows in two sections": (
        lambda: ListMessage("Choose", "View", (Section(rows(6), "A"), Section(rows(5, 6), "B"))),
        "in total",
    ),
    "one row id in two sections": (
        lambda: ListMessage("Choose", "View", (Section(rows(1), "A"), Section(rows(1), "B"))),
        "row ids",
    ),
    "two sections, one without title": (
        lambda: ListMessage("Choose", "View", (Section(rows(1), "A"), Section(rows(1, 1)))),
        "title",
    ),
    "list button too long": (lambda: ListMessage("Choose", "v" * 21, (Section(rows(1)),)), "20"),
    "list body too long": (lambda: ListMessage("b" * 1025, "View", (Section(rows(1)),)), "1024"),
    "link that runs a script": (lambda: LinkButton("Pay", "Pay now", "javascript:alert(1)"), "web address"),
    "link title too long": (lambda: LinkButton("Pay", "t" * 21, "https://pay.example"), "20"),
    "location request too long": (lambda: LocationRequest("b" * 1025), "1024"),
    "template name with capitals": (lambda: Template("Receipt", "en"), "small letters"),
    "template language unknown form": (lambda: Template("receipt", "English"), "language"),
    "template parameter empty": (lambda: Template("receipt", "en", ("",)), "empty"),
    "template parameter of two lines": (lambda: Template("receipt", "en", ("a\nb",)), "line breaks"),
    "template parameters in a list": (lambda: Template("receipt", "en", ["a"]), "tuple"),
}


@pytest.mark.parametrize(("build", "says"), REFUSED.values(), ids=REFUSED)
def test_what_whatsapp_would_refuse_cannot_be_built(build, says):
    with pytest.raises(InvalidMessage, match=says):
        build()


def test_every_type_has_a_fullest_example():
    assert set(FULLEST) == set(TYPES)


@pytest.mark.parametrize("message", FULLEST.values(), ids=FULLEST)
def test_a_message_survives_the_outbox(message):
    assert load(json.loads(json.dumps(dump(message)))) == message
    assert load(dump(message)) == message


@pytest.mark.parametrize("message", FULLEST.values(), ids=FULLEST)
def test_every_message_has_a_body_and_plain_words(message):
    assert message.wire()["type"] in message.wire()
    assert "to" not in message.wire()
    assert message.numbered().strip()
    assert len(message.numbered()) <= LIMITS.text


@pytest.mark.parametrize(
    "stored",
    [{}, {"type": "poll"}, {"type": None}, {"type": "text"}, {"type": "text", "body": ["x"]}, {"type": "buttons", "body": "x", "buttons": [1]},
     {"type": "buttons", "body": "x", "buttons": [{"id": "a"}]}, {"type": "list", "body": "x", "button": "v", "sections": "no"}],
)  # fmt: skip
def test_what_is_stored_wrongly_is_refused(stored):
    with pytest.raises(InvalidMessage):
        load(stored)


def test_buttons_go_out_as_meta_writes_them():
    message = Buttons("Sure?", (YES, Button("no", "No")), image=PICTURE, footer="Reply MENU")
    assert message.wire() == {
        "type": "interactive",
        "interactive": {
            "type": "button",
            "header": {"type": "image", "image": {"link": PICTURE}},
            "body": {"text": "Sure?"},
            "footer": {"text": "Reply MENU"},
            "action": {
                "buttons": [
                    {"type": "reply", "reply": {"id": "yes", "title": "Yes"}},
                    {"type": "reply", "reply": {"id": "no", "title": "No"}},
                ]
            },
        },
    }


def test_lists_go_out_as_meta_writes_them():
    message = ListMessage(
        "Choose", "View", (Section((Row("prod:12", "Coffee 500g", "KES 850"),), "Drinks"),), "Shop"
    )
    assert message.wire() == {
        "type": "interactive",
        "interactive": {
            "type": "list",
            "header": {"type": "text", "text": "Shop"},
            "body": {"text": "Choose"},
            "action": {
                "button": "View",
                "sections": [
                    {
                        "title": "Drinks",
                        "rows": [{"id": "prod:12", "title": "Coffee 500g", "description": "KES 850"}],
                    }
                ],
            },
        },
    }


def test_links_locations_images_and_templates_go_out_as_meta_writes_them():
    assert LinkButton("Pay here", "Pay now", "https://pay.example/1").wire()["interactive"] == {
        "type": "cta_url",
        "body": {"text": "Pay here"},
        "action": {
            "name": "cta_url",
            "parameters": {"display_text": "Pay now", "url": "https://pay.example/1"},
        },
    }
    assert LocationRequest("Where?").wire()["interactive"] == {
        "type": "location_request_message",
        "body": {"text": "Where?"},
        "action": {"name": "send_location"},
    }
    assert Image(PICTURE).wire() == {"type": "image", "image": {"link": PICTURE}}
    assert Text("Hi").wire() == {"type": "text", "text": {"body": "Hi"}}
    assert Template("receipt", "en", ("A",)).wire()["template"] == {
        "name": "receipt",
        "language": {"code": "en"},
        "components": [{"type": "body", "parameters": [{"type": "text", "text": "A"}]}],
    }
    assert "components" not in Template("receipt", "en").wire()["template"]


def test_without_buttons_the_choices_are_numbered():
    buttons = Buttons(
        "How can I help?", (Button("p", "Products"), Button("m", "Promotions")), footer="Reply MENU"
    )
    assert buttons.numbered() == "How can I help?\n\n1. Products\n2. Promotions\n\nReply MENU"


def test_where_digits_mean_something_else_the_choices_have_points_and_stay_so_in_the_outbox():
    buttons = without_numbers(Buttons("How many?", (YES, Button("no", "No"))))
    listing = without_numbers(ListMessage("Cart", "Open", (Section((Row("a", "Coffee"),)),)))
    assert buttons.numbered() == "How many?\n\n• Yes\n• No"
    assert listing.numbered() == "Cart\n\n• Coffee"
    assert [load(dump(message)) for message in (buttons, listing)] == [buttons, listing]
    assert without_numbers(Text("Hi")) == Text("Hi")
    assert "numbers" not in dump(Buttons("How many?", (YES,)))


def test_rows_are_numbered_through_all_sections():
    message = ListMessage(
        "Choose", "View", (Section((Row("a", "Tea", "KES 100"), Row("b", "Milk")), "Drinks"), Section((Row("c", "Soap"),), "Care"))
    )  # fmt: skip
    assert message.numbered() == "Choose\n\nDrinks\n1. Tea — KES 100\n2. Milk\n\nCare\n3. Soap"


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("Coffee", 6, "Coffee"),
        ("Coffee beans", 7, "Coffee…"),
        ("Coffee beans", 8, "Coffee…"),
        ("Coffee", 1, "…"),
        ("Coffee", 0, ""),
        ("ab\u0301cd", 3, "a…"),  # a combining accent stays with its letter
        ("a👨\u200d👩\u200d👧b", 5, "a…"),  # a family is one picture
        ("a👍🏾bc", 3, "a…"),  # a skin tone belongs to its hand
        ("🇰🇪🇹🇿🇺🇬", 4, "🇰🇪…"),  # two letters make a flag
        ("a❤\ufe0fbc", 3, "a…"),  # a variation selector belongs to its heart
        ("ab\ud83d\ude00c", 4, "ab…"),  # a surrogate pair is one character
        ("e" + "\u0301" * 50, 10, "…"),
    ],
)
def test_fit_never_cuts_inside_a_visible_character(text, limit, expected):
    assert fit(text, limit) == expected


@settings(deadline=None)
@given(st.text(), st.integers(0, 40))
def test_fit_always_fits(text, limit):
    fitted = fit(text, limit)
    assert len(fitted) <= limit
    assert fitted in {text, ""} or fitted.endswith("…")


@settings(deadline=None)
@given(st.text(min_size=1, max_size=50), st.text(max_size=30))
def test_any_text_is_either_refused_or_survives(body, title):
    try:
        message = Buttons(body, (Button("a", title),))
    except InvalidMessage:
        return
    assert load(json.loads(json.dumps(dump(message)))) == message
