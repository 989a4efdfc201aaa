"""A catalogue file is shown before it is done, done once, and an export of the shop changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from catalog import exporting, importing
from catalog.importing import BadCatalogue, Imported, Preview
from db import Database
from db.models import AuditEntry, DeliveryZone, Product, Promotion, Shop
from tests.shop import open_shop, picture, place, product

DEMO = Path(importing.__file__).with_name("demo.yaml")
EVERYTHING = """
categories:
  - {code: home, name: {en: Home, sw: Nyumbani}, emoji: 🏠}
products:
  - sku: BASKET
    stock: 7
  - sku: KIKOI
    name: {en: Kikoi Wrap, sw: Kikoi}
    price: 1,200
    category: home
    description: "=not a formula"
    synonyms: {en: [wrap], sw: [leso, "shuka, ya pwani"]}
    variants:
      - {sku: KIKOI-L, label: {en: Large, sw: Kubwa}, price: 1400, stock: 3}
      - {sku: KIKOI-S, label: Small, stock: unlimited, active: no}
  - {sku: 0012, name: Odd, price: 80, active: no}
promotions:
  - title: Three for two
    terms: In December.
    kind: buy_x_get_y
    buy: 2
    free: 1
    products: [KIKOI, BASKET]
    starts: 2026-12-01T00:00:00+03:00
    ends: 2026-12-31
    max_uses: 100
    max_per_customer: 1
  - {code: Less50, title: 50 off, terms: Once., kind: fixed, value: 50, min_subtotal: 1000}
zones:
  - {name: Within 3 km, fee: 150, within_m: 3000}
  - {name: {en: CBD, sw: Katikati}, fee: 0}
hours:
  mon: [08:00, 18:00]
  sat: [[09:00, 12:00], [14:00, 16:00]]
closed_days: [2026-12-25]
place: {latitude: -1.29, longitude: 36.82}
"""


@pytest.fixture(autouse=True)
def shop(database: Database) -> None:
    with database.writing() as session:
        open_shop(session)


def show(database: Database, text: str, name: str = "shop.yaml") -> Preview:
    with database.reading() as session:
        shop = session.scalars(select(Shop)).one()
        return importing.preview(
            importing.read_file(name, text.encode()), exporting.current(session, shop), shop
        )


def bring(database: Database, text: str, name: str = "shop.yaml") -> Imported:
    what = show(database, text, name)
    with database.writing() as session:
        return importing.apply(session, session.scalars(select(Shop)).one(), what, actor="Njeri", source=name)


def export(database: Database, name: str) -> str:
    with database.reading() as session:
        offer = exporting.current(session, session.scalars(select(Shop)).one())
    return exporting.as_sheet(offer) if name.endswith(".csv") else exporting.as_yaml(offer)


def said(what: Preview) -> list[str]:
    return [str(problem) for problem in what.problems]


def test_a_preview_says_what_is_new_and_what_differs_and_writes_nothing(database: Database) -> None:
    what = show(
        database,
        "products:\n- {sku: COFFEE, price: 1600}\n- {sku: HONEY, price: 800}\n- {sku: TEA, name: Tea, price: 3}",
    )
    assert [(change.key, change.before) for change in what.new] == [("TEA", None)]
    (coffee,) = what.changed
    assert (coffee.key, coffee.before, coffee.after) == ("COFFEE", {"price": 1500}, {"price": 1600})
    assert (what.unchanged, what.problems) == (1, ())
    with database.reading() as session:
        assert product(session, "COFFEE").price == 150_000


def test_everything_a_file_can_say_arrives(database: Database, now) -> None:
    assert bring(database, EVERYTHING) == Imported(2, 1, 2, 2, changed=2)
    with database.reading() as session:
        seen = picture(session, 1, now())
        wrap, large = (next(p for p in seen.products if p.sku == sku) for sku in ("KIKOI", "KIKOI-L"))
        free = session.scalars(select(Promotion).where(Promotion.kind == "buy_x_get_y")).one()
    assert (wrap.price, wrap.synonyms, large.available) == (140_000, ("wrap", "leso", "shuka, ya pwani"), 3)
    assert free.starts_at == datetime(2026, 11, 30, 21, tzinfo=UTC)
    assert (free.max_uses, free.max_per_customer) == (100, 1)
    assert [(zone.fee, zone.within_m) for zone in seen.zones] == [(15_000, 3000), (0, None)]
    assert seen.hours is not None
    assert [len(day) for day in seen.hours.week] == [1, 0, 0, 0, 0, 2, 0]
    assert seen.place is not None


@pytest.mark.parametrize("name", ["shop.yaml", "shop.csv"])
def test_importing_an_export_changes_nothing(database: Database, now, name: str) -> None:
    bring(database, EVERYTHING)
    place(database, now(), [("BASKET", 2)])
    what = show(database, export(database, name), name)
    assert (what.new, what.changed, what.problems) == ((), (), ())
    assert what.unchanged >= 7


def test_an_export_makes_the_same_shop_elsewhere(database: Database) -> None:
    bring(database, EVERYTHING)
    exported = export(database, "shop.yaml")
    with database.writing() as session:
        main = session.scalars(select(Shop)).one()
        other = Shop(
            slug="two",
            name="Two",
            currency="KES",
            country="KE",
            timezone="Africa/Nairobi",
            language="en",
            settings={},
            created_at=main.created_at,
        )
        session.add(other)
        session.flush()
        importing.put(session, other, importing.read_file("shop.yaml", exported.encode()))
        assert exporting.as_yaml(exporting.current(session, other)) == exported


def test_doing_it_twice_is_doing_it_once(database: Database) -> None:
    bring(database, EVERYTHING)
    what = show(database, EVERYTHING)
    assert (what.new, what.changed, what.problems) == ((), (), ())


def test_an_import_counts_as_one_change_and_is_noted(database: Database) -> None:
    with database.reading() as session:
        before = session.scalars(select(Shop.catalog_version)).one()
    bring(database, EVERYTHING)
    with database.reading() as session:
        assert session.scalars(select(Shop.catalog_version)).one() == before + 1
        (entry,) = session.scalars(select(AuditEntry))
    assert (entry.actor, entry.action, entry.subject) == ("Njeri", "catalogue_imported", "shop.yaml")
    assert entry.before["changed"]["product BASKET"] == {"stock": 5}
    assert entry.after["changed"]["product BASKET"] == {"stock": 7}
    assert "variant KIKOI-L" in entry.after["new"]


def test_nothing_to_change_is_not_noted(database: Database) -> None:
    bring(database, export(database, "shop.yaml"))
    with database.reading() as session:
        assert session.scalars(select(AuditEntry)).all() == []


def test_only_what_the_preview_said_is_written(database: Database, now) -> None:
    what = show(database, "products:\n- {sku: BASKET, price: 3000, stock: 5}")
    place(database, now(), [("BASKET", 2)])
    with database.writing() as session:
        importing.apply(session, session.scalars(select(Shop)).one(), what, actor="Njeri")
    with database.reading() as session:
        basket = product(session, "BASKET")
    assert (basket.price, basket.available, basket.reserved) == (300_000, 3, 2)


def test_what_was_promised_and_cannot_be_done_any_more_changes_nothing(database: Database) -> None:
    text = "products:\n- {sku: COFFEE, price: 9}\n- {sku: C-S, name: Small, price: 5}"
    what = show(database, text)
    bring(database, "products:\n- {sku: HONEY, variants: [{sku: C-S, label: Small}]}")
    with pytest.raises(BadCatalogue, match="variant"), database.writing() as session:
        importing.apply(session, session.scalars(select(Shop)).one(), what, actor="Njeri")
    with database.reading() as session:
        assert product(session, "COFFEE").price == 150_000


def test_good_entries_are_kept_beside_bad_ones(database: Database) -> None:
    sheet = """\
sku,parent,name,label,price,stock,category,prise
COFFEE,,,,1600,,,
HONEY,,,,99.50,,,
TEA,,,,350,,,
NUTS,,Nuts,,950,lots,,
SOAP,,Soap,,600,,bath,
COFFEE,,,,1700,,,
B-L,BASKET,,,,2,,
B-S,NOWHERE,,Small,,2,,
JAR,,Jar,,50,3,,,,too much
"""
    what = show(database, sheet, "shop.csv")
    assert said(what) == [
        "row 1, prise: there is no such column",
        "row 5, stock: Input should be a valid integer, unable to parse string as an integer",
        "row 7: COFFEE is there twice",
        "row 10: it has more cells than the header",
        "row 3, price: 99.5 KES cannot be charged exactly",
        "row 4, name: a new product needs a name",
        "row 6, category: there is no category bath",
        "row 8, label: a variant needs a label, e.g. Large",
        "row 9, parent: there is no product NOWHERE",
    ]
    assert [change.key for change in what.changed] == ["COFFEE"]
    assert what.new == ()


def test_a_new_product_is_not_sold_without_the_variants_it_was_meant_to_have(database: Database) -> None:
    what = show(
        database, "products:\n- {sku: W, name: Wrap, price: 5, variants: [{sku: W-S, label: S, price: 0.5}]}"
    )
    assert what.new == ()
    assert "products.0 (W): none of its variants can be used" in said(what)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("products: [{sku: A, name: A, price: 5, colour: red}]", "products.0 (A), colour"),
        ("prodcuts: []", "prodcuts: nothing in a catalogue is called so"),
        ("products: [5]", "products.0: "),
        (
            "promotions: [{title: T, terms: T, kind: percent, value: 10, products: [X]}]",
            "there is no product X",
        ),
        ("promotions: [{title: T, terms: T, kind: fixed, value: 1.5}]", "value"),
        ("zones: [{name: A zone with a name far too long, fee: 5}]", "zones.0, name"),
        ("hours: {mon: [8, 18]}", "shop: hours: mon"),
        ("place: {latitude: 91, longitude: 0}", "place.latitude"),
        ("products: [{sku: BASKET, stock: 4, variants: [{sku: B-S, label: S}]}]", "stock: its variants"),
        (
            "products: [{sku: A, name: A, price: 5, variants: [{sku: S1, label: S}, {sku: S2, label: s}]}]",
            "label",
        ),
    ],
)
def test_each_problem_says_where_it_is(database: Database, text: str, problem: str) -> None:
    assert any(problem in sentence for sentence in said(show(database, text)))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("shop.yaml", b"products: ["),
        ("shop.yaml", b"- just\n- a list"),
        ("shop.yaml", b"products: 5"),
        ("shop.yaml", b"[" * 100_000),
        ("shop.yaml", b"closed_days: [2026-02-31]"),
        ("shop.yaml", b"!!python/object/apply:os.system [id]"),
        ("shop.csv", b"name,price\nTea,5\n"),
        ("shop.csv", b"\xff\xfes\x00k\x00u\x00"),
        ("shop.csv", b"sku\n" + b"A\n" * (importing.MOST_ENTRIES + 1)),
        ("shop.csv", b"x" * (importing.LARGEST + 1)),
        (
            "shop.yaml",
            b"products:\n"
            + b"".join(b"- {sku: A%d}\n" % number for number in range(importing.MOST_ENTRIES + 1)),
        ),
    ],
)
def test_a_file_that_is_no_catalogue_is_refused(name: str, content: bytes) -> None:
    with pytest.raises(BadCatalogue):
        importing.read_file(name, content)


def test_a_cell_changes_its_own_language_only(database: Database) -> None:
    bring(database, EVERYTHING)
    (change,) = show(database, "sku,name,synonyms_sw\nKIKOI,Kikoi,leso\n", "shop.csv").changed
    assert change.after == {
        "name": {"en": "Kikoi", "sw": "Kikoi"},
        "synonyms": {"en": ["wrap"], "sw": ["leso"]},
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("shop.csv", "sku,name,description\nKIKOI,Wrap,Woven\n"),
        ("shop.yaml", "products: [{sku: KIKOI, name: Wrap, description: Woven}]"),
    ],
)
def test_languages_that_are_not_named_stay_as_the_preview_says(
    database: Database, name: str, text: str
) -> None:
    bring(database, EVERYTHING)
    bring(database, "products: [{sku: KIKOI, description: {en: Cotton, sw: Pamba}}]")
    (change,) = show(database, text, name).changed
    assert (change.before, change.after) == (
        {"name": {"en": "Kikoi Wrap", "sw": "Kikoi"}, "description": {"en": "Cotton", "sw": "Pamba"}},
        {"name": {"en": "Wrap", "sw": "Kikoi"}, "description": {"en": "Woven", "sw": "Pamba"}},
    )
    bring(database, text, name)
    with database.reading() as session:
        wrap, large = product(session, "KIKOI"), product(session, "KIKOI-L")
        assert (wrap.names, wrap.descriptions) == (change.after["name"], change.after["description"])
        assert large.names == change.after["name"]


@pytest.mark.parametrize(
    ("text", "field", "after"),
    [
        ("categories: [{code: home, name: House}]", "name", {"en": "House", "sw": "Nyumbani"}),
        ("zones: [{name: CBD, fee: 0}]", "", None),
        (
            "products: [{sku: KIKOI, variants: [{sku: KIKOI-L, label: Big}]}]",
            "label",
            {"en": "Big", "sw": "Kubwa"},
        ),
        (
            "products: [{sku: KIKOI, synonyms: [shawl]}]",
            "synonyms",
            {"en": ["shawl"], "sw": ["leso", "shuka, ya pwani"]},
        ),
        ("products: [{sku: KIKOI, synonyms: []}]", "synonyms", []),
        (
            """
promotions:
  - {title: Three for two, terms: {sw: Desemba.}, kind: buy_x_get_y, buy: 2, free: 1, products: [KIKOI, BASKET],
     starts: 2026-12-01T00:00:00+03:00, ends: 2026-12-31, max_uses: 100, max_per_customer: 1}
""",
            "terms",
            {"en": "In December.", "sw": "Desemba."},
        ),
    ],
)
def test_no_text_of_a_file_takes_away_another_language(
    database: Database, text: str, field: str, after: object
) -> None:
    bring(database, EVERYTHING)
    changed = show(database, text).changed
    assert [dict(change.after) for change in changed] == ([{field: after}] if field else [])


@pytest.mark.parametrize("kind", ["yaml", "csv"])
def test_what_the_documentation_shows_can_be_imported(database: Database, kind: str) -> None:
    shown = (
        (DEMO.parents[1] / "docs" / "catalogue.md")
        .read_text("utf-8")
        .split(f"```{kind}\n")[1]
        .split("```")[0]
    )
    what = show(database, shown, f"shop.{kind}")
    assert (said(what), len(what.new) >= 4) == ([], True)


def test_a_first_start_takes_all_or_nothing(database: Database) -> None:
    with database.writing() as session:
        shop = session.scalars(select(Shop)).one()
        file = importing.read_file(
            "shop.yaml", b"products: [{sku: A, name: A, price: 5}, {sku: B, name: B, price: 0.5}]"
        )
        with pytest.raises(BadCatalogue, match="cannot be charged"):
            importing.put(session, shop, file)
        assert len(session.scalars(select(Product)).all()) == 3
    path = DEMO.with_name("nothing.yaml")
    with pytest.raises(BadCatalogue, match="there is no catalogue file"):
        importing.read(path)


def test_two_zones_of_one_name_stay_two(database: Database) -> None:
    with database.writing() as session:
        session.add_all(
            DeliveryZone(shop_id=1, names={"sw": "Katikati"}, fee=fee, position=fee) for fee in (100, 200)
        )
    what = show(database, export(database, "shop.yaml"))
    assert (what.new, what.changed, what.problems) == ((), (), ())
