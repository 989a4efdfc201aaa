"""Products in the console: listed, made, changed by two people at once, counted, pictured and archived."""

from io import BytesIO

import pytest
from PIL import Image
from sqlalchemy import select

from db.models import AuditEntry, Category, Product, Shop
from tests.factories import Seed
from tests.integration.admin.conftest import open_room
from tests.integration.admin.test_frame import SAME_SITE, send, token_of

FIELDS = {
    "name_en": "Baobab Powder",
    "name_sw": "Unga wa Mbuyu",
    "price": "1,250",
    "description_en": "From Kitui.",
    "description_sw": "",
    "category": "",
    "emoji": "🌳",
    "synonyms": "ubuyu, mbuyu",
    "stock": "12",
    "sku": "",
}


@pytest.fixture
def room(database, now, shop, tmp_path):
    return open_room(database, now, media_dir=tmp_path / "media")


def product_of(database, sku):
    with database.reading() as session:
        return session.scalars(select(Product).where(Product.sku == sku)).one()


def entries_of(database):
    with database.reading() as session:
        return session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()


def version_of(database):
    with database.reading() as session:
        return session.scalars(select(Shop.catalog_version)).one()


def seen_of(page):
    return page.split('name="seen" value="')[1].split('"')[0]


def form_of(room, product, **changes):
    """What the browser would send if only ``changes`` were typed."""
    page = room.get(f"/admin/catalogue/{product.id}").text
    values = {
        "name_en": product.names["en"],
        "name_sw": product.names.get("sw", ""),
        "description_en": product.descriptions.get("en", ""),
        "description_sw": "",
        "price": str(product.price // 100),
        "category": "",
        "emoji": product.emoji,
        "synonyms": ", ".join(product.synonyms),
        "seen": seen_of(page),
    }
    return values | changes


def test_products_are_listed_in_the_owners_order_with_what_is_nearly_gone_marked(
    room, database, shop, now
) -> None:
    with database.writing() as session:
        Seed(session, now()).product(shop, sku="LAST", names={"en": "Last one"}, available=2, position=9)
    page = room.get("/admin/catalogue").text
    names = ["Premium Coffee Beans 1kg", "Organic Honey 500g", "Last one"]
    assert sorted(names, key=page.index) == names
    assert '<span class="badge wait">2 left</span>' in page
    found = room.get("/admin/catalogue?q=hon").text
    assert "Organic Honey" in found
    assert "Kikoi" not in found


def test_a_product_is_made_with_its_words_in_each_language(room, database) -> None:
    before = version_of(database)
    answer = send(room, "/admin/catalogue/new", **FIELDS)
    made = product_of(database, "BAOBAB-POWDER")
    assert (answer.status_code, answer.location) == (303, f"/admin/catalogue/{made.id}")
    assert made.names == {"en": "Baobab Powder", "sw": "Unga wa Mbuyu"}
    assert (made.price, made.available, made.synonyms) == (125_000, 12, ["ubuyu", "mbuyu"])
    (entry,) = entries_of(database)
    assert (entry.action, entry.before, entry.after["price"]) == ("product_made", None, 125_000)
    assert version_of(database) > before


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"price": "1250.50"}, "KES is paid in whole shillings: write 1250 or 1251."),
        ({"price": "abc"}, "Write a number, for example 1500."),
        ({"price": "0"}, "The price must be above zero."),
        ({"name_en": "", "name_sw": ""}, "Please fill this in."),
        ({"name_sw": "x" * 121}, "At most 120 characters fit, these are 121."),
        ({"sku": "COFFEE-1KG"}, "Another product has this code."),
        ({"stock": "-1"}, "0 or more."),
        ({"category": "nowhere"}, "There is no category nowhere."),
    ],
)
def test_what_cannot_be_taken_is_said_beside_its_field_and_nothing_written_is_lost(
    room, database, changed, said
) -> None:
    answer = send(room, "/admin/catalogue/new", **(FIELDS | changed))
    assert answer.status_code == 400
    assert said in answer.text
    assert "From Kitui." in answer.text
    assert entries_of(database) == []
    assert product_of(database, "COFFEE-1KG").names == {"en": "Premium Coffee Beans 1kg"}


def test_a_change_is_saved_with_before_and_after(room, database) -> None:
    coffee = product_of(database, "COFFEE-1KG")
    send(room, f"/admin/catalogue/{coffee.id}", **form_of(room, coffee, price="1600", name_sw="Kahawa"))
    changed = product_of(database, "COFFEE-1KG")
    assert (changed.price, changed.names["sw"]) == (160_000, "Kahawa")
    (entry,) = entries_of(database)
    assert (entry.before["price"], entry.after["price"]) == (150_000, 160_000)


def test_of_two_who_edit_at_once_the_second_is_told_and_loses_nothing(room, database) -> None:
    coffee = product_of(database, "COFFEE-1KG")
    mine = form_of(room, coffee, name_en="My coffee")
    theirs = form_of(room, coffee, price="1700")
    assert send(room, f"/admin/catalogue/{coffee.id}", **theirs).status_code == 303
    answer = send(room, f"/admin/catalogue/{coffee.id}", **mine)
    assert answer.status_code == 409
    assert "Somebody else changed this" in answer.text
    assert "Price: <bdi>1700</bdi>" in answer.text
    assert 'value="My coffee"' in answer.text
    assert product_of(database, "COFFEE-1KG").price == 170_000
    again = mine | {"seen": seen_of(answer.text), "price": "1700"}
    assert send(room, f"/admin/catalogue/{coffee.id}", **again).status_code == 303
    both = product_of(database, "COFFEE-1KG")
    assert (both.names["en"], both.price) == ("My coffee", 170_000)


def test_a_sale_in_between_is_no_change_of_another_person(room, database) -> None:
    coffee = product_of(database, "COFFEE-1KG")
    mine = form_of(room, coffee, name_en="My coffee")
    with database.writing() as session:
        session.get(Product, coffee.id).sold = 3
    assert send(room, f"/admin/catalogue/{coffee.id}", **mine).status_code == 303


def test_stock_is_counted_added_to_and_not_counted_any_more(room, database) -> None:
    coffee = product_of(database, "COFFEE-1KG")
    path = f"/admin/catalogue/{coffee.id}/stock"
    send(room, path, how="count", pieces="5")
    assert product_of(database, "COFFEE-1KG").available == 5
    send(room, path, how="more", pieces="7")
    assert product_of(database, "COFFEE-1KG").available == 12
    send(room, path, how="more", pieces="many")
    assert "The stock was not changed" in room.get(f"/admin/catalogue/{coffee.id}").text
    send(room, path, how="count", pieces="")
    assert product_of(database, "COFFEE-1KG").available is None
    send(room, path, how="more", pieces="1")
    assert "is not counted" in room.get(f"/admin/catalogue/{coffee.id}").text
    assert [entry.after for entry in entries_of(database)] == [
        {"available": 5},
        {"available": 12},
        {"available": None},
    ]


def test_a_product_moves_up_and_down(room, database) -> None:
    honey = product_of(database, "HONEY-500")
    send(room, f"/admin/catalogue/{honey.id}/move", to="up")
    page = room.get("/admin/catalogue").text
    assert page.index("Organic Honey") < page.index("Premium Coffee")
    send(room, f"/admin/catalogue/{honey.id}/move", to="up")
    assert len(entries_of(database)) == 1


def test_a_product_is_archived_and_put_back(room, database) -> None:
    coffee = product_of(database, "COFFEE-1KG")
    path = f"/admin/catalogue/{coffee.id}/archive"
    assert "Orders that have it keep it" in room.get(path).text
    send(room, path)
    assert not product_of(database, "COFFEE-1KG").active
    assert "Premium Coffee" not in room.get("/admin/catalogue").text
    assert "Premium Coffee" in room.get("/admin/catalogue?archived=1").text
    send(room, path, back_on="1")
    assert product_of(database, "COFFEE-1KG").active


def test_variants_are_made_changed_counted_and_archived(room, database) -> None:
    kikoi = product_of(database, "KIKOI")
    below = f"/admin/catalogue/{kikoi.id}"
    for label, price in (("Large", "1500"), ("Small", "900")):
        answer = send(
            room, f"{below}/variants/new", label_en=label, label_sw="", price=price, stock="4", sku=""
        )
        assert answer.status_code == 303
    small = product_of(database, "KIKOI-SMALL")
    assert (small.parent_id, small.price, small.available) == (kikoi.id, 90_000, 4)
    assert product_of(database, "KIKOI").price == 90_000
    page = room.get(below).text
    assert "From its variants" in page
    twin = send(room, f"{below}/variants/new", label_en="large", label_sw="", price="1", sku="")
    assert (twin.status_code, "is called so already" in twin.text) == (400, True)
    seen = seen_of(room.get(f"{below}/variants/{small.id}").text)
    for seen_then, status in ((seen, 303), (seen, 409)):
        answer = send(
            room, f"{below}/variants/{small.id}", label_en="Tiny", label_sw="", price="800", seen=seen_then
        )
        assert answer.status_code == status
    send(room, f"/admin/catalogue/{small.id}/stock", how="more", pieces="6")
    assert product_of(database, "KIKOI-SMALL").available == 10
    send(room, f"/admin/catalogue/{small.id}/archive")
    assert product_of(database, "KIKOI").price == 150_000
    assert send(room, below, **form_of(room, kikoi, name_en="Kikoi")).status_code == 303
    assert product_of(database, "KIKOI-SMALL").names == {"en": "Kikoi"}


def picture(kind="JPEG", size=(2000, 1000), mode="RGB"):
    written = BytesIO()
    Image.new(mode, size, "red").save(written, kind)
    return written.getvalue()


def upload(room, path, data, name="photo.jpg", **form):
    fields = {"csrf_token": token_of(room), "file": (BytesIO(data), name)} | form
    return room.post(path, data=fields, headers=SAME_SITE, content_type="multipart/form-data")


@pytest.mark.parametrize(("kind", "mode"), [("JPEG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("JPEG", "CMYK")])
def test_a_picture_is_drawn_anew_and_served_under_a_name_nobody_can_guess(room, database, kind, mode) -> None:
    coffee = product_of(database, "COFFEE-1KG")
    path = f"/admin/catalogue/{coffee.id}"
    answer = upload(room, path, picture(kind, mode=mode), "x.exe", **form_of(room, coffee))
    assert answer.status_code == 303
    name = product_of(database, "COFFEE-1KG").picture
    assert len(name) == 36
    served = room.get(f"/admin/catalogue/picture/{name}")
    large = served.data
    assert (served.status_code, served.content_type) == (200, "image/jpeg")
    with Image.open(BytesIO(large)) as shown:
        assert (shown.format, shown.size) == ("JPEG", (1600, 800))
    assert served.headers["X-Content-Type-Options"] == "nosniff"
    assert len(room.get(f"/admin/catalogue/picture/{name}?size=small").data) < len(large)
    send(room, path, **form_of(room, coffee, no_picture="1"))
    assert product_of(database, "COFFEE-1KG").picture == ""


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"<svg onload=alert(1)>", "Choose a JPEG or PNG"),
        (picture()[:400], "Choose a JPEG or PNG"),
        (b"GIF89a" + b"\0" * 40, "Choose a JPEG or PNG"),
        (picture("PNG", size=(8000, 7000), mode="L"), "too many pixels"),
    ],
)
def test_what_is_no_picture_is_refused_by_what_is_in_it(room, database, data, said) -> None:
    coffee = product_of(database, "COFFEE-1KG")
    form = form_of(room, coffee, name_en="My coffee")
    answer = upload(room, f"/admin/catalogue/{coffee.id}", data, "photo.jpg", **form)
    assert (answer.status_code, said in answer.text) == (400, True)
    assert 'value="My coffee"' in answer.text
    assert product_of(database, "COFFEE-1KG").picture == ""


def test_a_file_larger_than_whatsapp_takes_is_refused(room, database, monkeypatch) -> None:
    monkeypatch.setattr("admin.pictures.MOST_BYTES", 1000)
    coffee = product_of(database, "COFFEE-1KG")
    answer = upload(room, f"/admin/catalogue/{coffee.id}", picture(), **form_of(room, coffee))
    assert (answer.status_code, "larger than 5 MB" in answer.text) == (400, True)


def test_a_picture_is_not_chosen_twice_because_another_field_was_wrong(room, database) -> None:
    answer = upload(room, "/admin/catalogue/new", picture(), **(FIELDS | {"price": ""}))
    assert answer.status_code == 400
    kept = answer.text.split('name="uploaded" value="')[1].split('"')[0]
    send(room, "/admin/catalogue/new", **(FIELDS | {"uploaded": kept}))
    assert product_of(database, "BAOBAB-POWDER").picture == kept


@pytest.mark.parametrize("name", ["..%2f..%2fconfig.py", "x.py", "../x", "a" * 32 + ".jpg"])
def test_only_pictures_are_served(room, name) -> None:
    assert room.get(f"/admin/catalogue/picture/{name}").status_code == 404


def test_the_preview_says_what_whatsapp_will_show_and_what_it_cuts(room, database) -> None:
    fields = FIELDS | {"name_en": "Very long name of a *product*", "description_en": "x" * 80}
    shown = send(room, "/admin/catalogue/preview", **fields).text
    assert "KES\u00a01,250" in shown
    assert "Very long name" in shown
    assert 'class="over">Row title' in shown
    assert "Unga wa Mbuyu" in shown
    assert send(room, "/admin/catalogue/preview", price="x", product="y").status_code == 200


def test_nothing_from_a_form_reaches_the_page_raw(room, database) -> None:
    coffee = product_of(database, "COFFEE-1KG")
    evil = "<script>alert(1)</script>"
    send(room, f"/admin/catalogue/{coffee.id}", **form_of(room, coffee, name_en=evil, synonyms=evil))
    for path in ("/admin/catalogue", f"/admin/catalogue/{coffee.id}"):
        assert "<script>alert" not in room.get(path).text


def test_another_shops_products_are_not_there(room, database, now) -> None:
    with database.writing() as session:
        seed = Seed(session, now(), seed=5)
        other = seed.shop(slug="coast")
        product_id = seed.product(other).id
    assert room.get(f"/admin/catalogue/{product_id}").status_code == 404
    for what in ("", "/stock", "/archive", "/move"):
        answer = send(room, f"/admin/catalogue/{product_id}{what}", pieces="1", how="count")
        assert answer.status_code == 404


def test_categories_are_made_moved_changed_and_removed(room, database) -> None:
    for name in ("Food", "Home"):
        assert send(room, "/admin/categories/new", name_en=name, name_sw="", emoji="🍯").status_code == 303
    with database.reading() as session:
        food, home = session.scalars(select(Category.id).order_by(Category.position)).all()
    coffee = product_of(database, "COFFEE-1KG")
    send(room, f"/admin/catalogue/{coffee.id}", **form_of(room, coffee, category="food"))
    assert "1 product" in room.get("/admin/categories").text
    send(room, f"/admin/categories/{home}/move", to="up")
    page = room.get("/admin/categories").text
    assert page.index("Home") < page.index("Food")
    seen = seen_of(room.get(f"/admin/categories/{food}").text)
    for name, status in (("Groceries", 303), ("Meals", 409)):
        answer = send(room, f"/admin/categories/{food}", name_en=name, name_sw="", emoji="", seen=seen)
        assert answer.status_code == status
    assert send(room, "/admin/categories/new", name_en="x" * 25, name_sw="").status_code == 400
    assert "stay on the list" in room.get(f"/admin/categories/{food}/remove").text
    send(room, f"/admin/categories/{food}/remove")
    assert product_of(database, "COFFEE-1KG").category_id is None
    assert room.get(f"/admin/categories/{food}").status_code == 404
