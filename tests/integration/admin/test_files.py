"""The catalogue as files in the console: looked at first, the bad rows named, the rest kept, and written out again."""

import re
from html import unescape
from io import BytesIO

import yaml
from sqlalchemy import select

from db.models import Product
from tests.integration.admin.test_catalogue import entries_of, product_of, version_of
from tests.integration.admin.test_frame import SAME_SITE, send, token_of

SHEET = """sku,name,price,stock
COFFEE-1KG,Premium Coffee Beans 1kg,1600,
NEW-1,Baobab powder,450,7
NEW-2,Half a shilling,450.50,
,No code,100,
"""


def look(room, content, name="goods.csv"):
    data = {"csrf_token": token_of(room), "file": (BytesIO(content.encode()), name)}
    return room.post("/admin/files/look", data=data, headers=SAME_SITE, content_type="multipart/form-data")


def form_of(page):
    content = re.search(r'<textarea name="content" hidden>\n(.*?)</textarea>', page, re.DOTALL)[1]
    fields = {name: re.search(rf'name="{name}" value="([^"]*)"', page)[1] for name in ("name", "digest")}
    return fields | {"content": unescape(content)}


def test_a_file_is_looked_at_before_anything_changes(room, database) -> None:
    answer = look(room, SHEET)
    assert answer.status_code == 200
    assert "<strong>1</strong> new, <strong>1</strong> changed" in answer.text
    assert "<bdi>1500</bdi></s> → <bdi>1600</bdi>" in answer.text
    for place in ("row 4", "row 5"):
        assert f"<bdi>{place}</bdi>" in answer.text
    assert "KES is paid in whole shillings: write 450 or 451." in answer.text
    assert product_of(database, "COFFEE-1KG").price == 150_000
    assert entries_of(database) == []


def test_the_good_rows_are_imported_and_audited(room, database) -> None:
    before = version_of(database)
    answer = send(room, "/admin/files/put", **form_of(look(room, SHEET).text))
    assert (answer.status_code, answer.location) == (303, "/admin/catalogue")
    assert product_of(database, "COFFEE-1KG").price == 160_000
    assert product_of(database, "NEW-1").available == 7
    with database.reading() as session:
        assert session.scalar(select(Product.id).where(Product.sku == "NEW-2")) is None
    (entry,) = entries_of(database)
    assert (entry.action, entry.actor, entry.subject) == ("catalogue_imported", "admin", "goods.csv")
    assert version_of(database) > before


def test_what_changed_meanwhile_is_shown_again_before_it_is_imported(room, database) -> None:
    form = form_of(look(room, SHEET).text)
    with database.writing() as session:
        session.scalars(select(Product).where(Product.sku == "COFFEE-1KG")).one().price = 170_000
    answer = send(room, "/admin/files/put", **form)
    assert answer.status_code == 409
    assert "<bdi>1700</bdi></s> → <bdi>1600</bdi>" in answer.text
    assert product_of(database, "COFFEE-1KG").price == 170_000
    assert send(room, "/admin/files/put", **form_of(answer.text)).status_code == 303
    assert product_of(database, "COFFEE-1KG").price == 160_000


def test_a_file_that_is_no_catalogue_is_refused_in_words(room, database) -> None:
    for content, name in (("just words", "a.csv"), ("- 1\n- 2", "a.yaml"), ("a: [", "a.yaml")):
        answer = look(room, content, name)
        assert (answer.status_code, 'role="alert"' in answer.text) == (400, True)
    assert "Choose a file first." in send(room, "/admin/files/look").text
    evil = look(room, "sku,name,price\n<script>alert(1)</script>,x,y\n", "<b>.csv").text
    assert "<script>alert" not in evil
    assert entries_of(database) == []


def test_what_is_written_out_is_read_again_without_a_change(room) -> None:
    for path, name in (("products.csv", "goods.csv"), ("catalogue.yaml", "goods.yaml")):
        answer = room.get(f"/admin/files/{path}")
        assert answer.headers["Content-Disposition"].startswith("attachment;")
        again = look(room, answer.data.decode("utf-8-sig"), name).text
        assert "<strong>0</strong> new, <strong>0</strong> changed, <strong>5</strong>" in again or (
            path.endswith("yaml") and "There is nothing to import." in again
        )
    assert yaml.safe_load(room.get("/admin/files/catalogue.yaml").data)["products"]


def test_a_large_sheet_goes_through(room, database) -> None:
    rows = "".join(f"BULK-{n},Product number {n} {'x' * 80},100,1,{'d' * 200}\n" for n in range(1900))
    content = f"sku,name,price,stock,description\n{rows}"
    assert len(content) > 500_000
    page = send(room, "/admin/files/put", name="bulk.csv", content=content, digest="").text
    assert "<strong>1900</strong> new" in page
    assert "and 1800 more" in page


def test_cells_are_safe_in_a_spreadsheet(room, database) -> None:
    with database.writing() as session:
        coffee = session.scalars(select(Product).where(Product.sku == "COFFEE-1KG")).one()
        coffee.names = {"en": "=cmd|' /C calc'!A0"}
    assert ",=cmd" not in room.get("/admin/files/products.csv").text


def test_a_look_shows_the_languages_that_change_and_counts_rows_and_not_their_problems(
    room, database
) -> None:
    sheet = "sku,name\nCOFFEE-1KG,Best Coffee\nNEW-1,\n"
    page = look(room, sheet).text
    assert "Name in English: <s" in page
    assert "<bdi>Best Coffee</bdi>" in page
    assert "Name in Kiswahili" not in page
    assert page.count("<bdi>row 3</bdi>") == 2
    send(room, "/admin/files/put", **form_of(page))
    assert "1 entry was left out." in room.get("/admin/catalogue").text
