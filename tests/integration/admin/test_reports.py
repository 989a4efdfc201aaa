"""Reports add up to the ledger, on any period, and leave as CSV that spreadsheets take as text and numbers."""

import csv
import io
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from admin import reporting
from admin.reporting import Column, Period, csv_of
from db.models import AuditEntry, MoneyEvent, ReconciliationRun, Shop
from payments import reconciliation, refunds
from tests.factories import Seed
from tests.integration.admin.conftest import open_room
from tests.integration.admin.test_frame import send
from tests.till import Till

TODAY = date(2026, 11, 20)


def cells(answer):
    return list(csv.reader(io.StringIO(answer.data.decode().removeprefix("\ufeff"))))


@pytest.fixture
def till(database, now):
    till = Till(database, now)
    till.started()
    till.hear()
    return till


def ledger(database, kind):
    with database.reading() as session:
        total = select(func.coalesce(func.sum(MoneyEvent.amount), 0)).where(MoneyEvent.kind == kind)
        return int(session.scalar(total))


def sums(room, by):
    with room.house.database.reading() as session:
        shop = session.scalars(select(Shop)).one()
        return reporting.REPORTS[by][1](session, shop, Period(TODAY.replace(month=1), TODAY)).sums


def test_every_report_adds_up_to_the_ledger(till, database, now) -> None:
    room = open_room(database, now)
    with database.writing() as session:
        given = refunds.request(
            session, 1, till.order.ref, 50_000, "damaged", actor="owner", reference="BACK1"
        )
    assert given is not None
    booked, back = ledger(database, "payment"), ledger(database, "refund")
    assert (booked, back) == (300_000, 50_000)
    for by in ("day", "month"):
        assert sums(room, by)[3:6] == (booked, back, booked - back), by
    assert sums(room, "method") == ("", 1, booked, back, booked - back)
    assert sums(room, "product")[3] == booked


def test_each_way_to_pay_is_a_row_of_its_own(till, database, now) -> None:
    (row,) = cells(open_room(database, now).get("/admin/reports.csv?by=method"))[1:]
    assert row == ["M-Pesa", "1", "3000.00", "0.00", "3000.00"]


def test_another_shops_money_is_in_no_report(till, database, now) -> None:
    with database.writing() as session:
        seed = Seed(session, now(), seed=9)
        other = seed.shop(slug="coast", name="Duka la Pwani")
        other_id = other.id
    with database.reading() as session:
        shop = session.get_one(Shop, other_id)
        for _, make in reporting.REPORTS.values():
            assert make(session, shop, Period(TODAY, TODAY)).rows == ()


@pytest.mark.parametrize("by", list(reporting.REPORTS))
def test_a_report_is_shown_and_can_be_kept(till, database, now, by) -> None:
    room = open_room(database, now)
    page = room.get(f"/admin/reports?by={by}").text
    assert "3,000" in page
    assert 'aria-current="page"' in page
    answer = room.get(f"/admin/reports.csv?by={by}")
    assert (
        answer.headers["Content-Disposition"] == f'attachment; filename="main-{by}-2026-11-01-2026-11-20.csv"'
    )
    assert answer.content_type == "text/csv; charset=utf-8"
    assert "3000.00" in cells(answer)[1]


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ({}, date(2026, 11, 1), TODAY),
        ({"from": "2026-11-03", "to": "2026-11-05"}, date(2026, 11, 3), date(2026, 11, 5)),
        ({"from": "2026-11-05", "to": "2026-11-03"}, date(2026, 11, 3), date(2026, 11, 5)),
        ({"from": "nonsense", "to": "2026-13-01"}, date(2026, 11, 1), TODAY),
        ({"to": "2999-01-01"}, date(2026, 11, 1), TODAY),
        ({"from": "1900-01-01"}, TODAY - timedelta(days=730), TODAY),
        ({"from": "2999-01-01"}, TODAY, TODAY),
    ],
)
def test_any_period_is_understood_or_mended(asked, first, last) -> None:
    assert reporting.period(asked, TODAY) == Period(first, last)


@pytest.mark.parametrize("evil", ["=1+1", "+A1", "-2", "@SUM(A1)", "\tx", "\r=x", "  =1", "\uff1d1"])
def test_no_text_in_a_csv_is_taken_for_a_formula(evil) -> None:
    columns = (Column("Name", "text"), Column("Amount", "money"), Column("Pieces"))
    written = csv_of(columns, [(evil, -150, 3)], "KES").decode().removeprefix("\ufeff")
    assert list(csv.reader(io.StringIO(written, newline="")))[1] == [f"'{evil}", "-1.50", "3"]


def test_the_books_are_compared_on_request_once_at_a_time_and_noted(till, database, now) -> None:
    room = open_room(database, now)
    assert "never compared" in room.get("/admin/reports/reconciliation").text
    for _ in range(2):
        assert send(room, "/admin/reports/reconciliation").status_code == 303
    with database.reading() as session:
        (run,) = session.scalars(select(ReconciliationRun)).all()
        (entry,) = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "reconciliation_asked")
        ).all()
    assert entry.subject == f"run {run.id}"
    assert "being compared now" in room.get("/admin/reports/reconciliation").text


def test_findings_are_shown_with_what_to_do_and_can_be_kept(till, database, now) -> None:
    room = open_room(database, now)
    with database.writing() as session:
        shop = session.scalars(select(Shop)).one()
        Seed(session, now(), seed=3).money(shop, transaction_ref="=HYPERLINK(1)")
        run_id = reconciliation.ask_for_run(session, 1)
        reconciliation.store(session, run_id, reconciliation.check(session, 1))
    page = room.get("/admin/reports/reconciliation").text
    assert "Money without order" in page
    assert reconciliation.REMEDIES["money_without_order"] in page
    found = {row[0]: row for row in cells(room.get("/admin/reports/reconciliation.csv"))[1:]}
    assert found["Money without order"][1] == "'=HYPERLINK(1)"
    assert found["Money without order"][3] == "1400.00"


def test_no_run_has_no_csv(database, now, shop) -> None:
    assert open_room(database, now).get("/admin/reports/reconciliation.csv").status_code == 404
