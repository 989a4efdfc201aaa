"""Reports: days, months, products and ways to pay over a period, and the comparison of the books; all as CSV too."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from flask import Blueprint, request, url_for
from flask import Response as FlaskResponse
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from admin import reporting
from admin.console import Console, Page
from admin.reporting import REPORTS, Column, Period, Table, csv_of
from admin.wording import plain, sentence
from db.models import ReconciliationRun, Shop
from db.types import word
from payments import reconciliation

PAGE: Final = Page("reports", "Reports", icon="reports")
RUNS: Final = 10
FINDINGS: Final = (
    Column("What", "text"),
    Column("Subject", "text"),
    Column("Since", "text"),
    Column("Amount", "money"),
    Column("Detail", "text"),
    Column("What to do", "text"),
)
DAYS: Final = (
    Column("Day", "text"),
    Column("Gateway", "text"),
    Column("Booked", "money"),
    Column("Due back", "money", minor=True),
    Column("Unmatched", "money", minor=True),
    Column("In all", "money"),
    Column("Paid back", "money", minor=True),
)


def routes(pages: Blueprint, console: Console) -> None:
    """``/admin/reports`` and below."""
    house = console.house

    def made(session: Session, shop: Shop) -> tuple[str, Period, Table]:
        by = request.args.get("by", "day")
        by = by if by in REPORTS else "day"
        asked = reporting.period(request.args, console.today(shop))
        return by, asked, REPORTS[by][1](session, shop, asked)

    @pages.get("/reports")
    def reports() -> str:
        with house.database.reading() as session:
            shop = console.shop(session)
            by, asked, table = made(session, shop)
        return console.show(
            "reports.html",
            shop,
            by=by,
            asked=asked,
            table=table,
            kinds=[(name, words) for name, (words, _) in REPORTS.items()],
            presets=reporting.presets(console.today(shop)),
        )

    @pages.get("/reports.csv")
    def reports_csv() -> FlaskResponse:
        with house.database.reading() as session:
            shop = console.shop(session)
            by, asked, table = made(session, shop)
        name = f"{shop.slug}-{by}-{asked.first}-{asked.last}.csv"
        return download(csv_of(table.columns, table.rows, shop.currency), name)

    @pages.get("/reports/reconciliation")
    def reports_reconciliation() -> str:
        with house.database.reading() as session:
            shop = console.shop(session)
            runs = newest(session, shop)
            run = chosen(runs)
            waiting = is_waiting(session, shop)
        report = {} if run is None else run.report or {}
        return console.show(
            "reconciliation.html",
            shop,
            run=run,
            runs=runs,
            waiting=waiting,
            findings=sorted(report.get("findings", ()), key=lambda one: not one["forAPerson"]),
            days=list(reversed(report.get("days", ()))),
            until=None if not report else datetime.fromisoformat(report["until"]),
            since=None if not report else datetime.fromisoformat(report["since"]),
            columns=DAYS,
        )

    @pages.get("/reports/reconciliation.csv")
    def reports_findings() -> FlaskResponse:
        with house.database.reading() as session:
            shop = console.shop(session)
            run = chosen(newest(session, shop))
        if run is None:
            raise NotFound
        rows = [
            (
                sentence(one["kind"]),
                plain(one["subject"], 200),
                one["since"],
                one["amountMinor"],
                plain(one["detail"], 400),
                one["remedy"],
            )
            for one in (run.report or {}).get("findings", ())
        ]
        return download(csv_of(FINDINGS, rows, shop.currency), f"{shop.slug}-reconciliation-{run.id}.csv")

    @pages.post("/reports/reconciliation")
    def reports_reconcile() -> Response:
        with house.database.writing() as session:
            shop = console.shop(session)
            if not is_waiting(session, shop):
                run_id = reconciliation.ask_for_run(session, shop.id)
                console.note(session, shop, "reconciliation_asked", f"run {run_id}")
        return console.done(
            url_for("admin.reports_reconciliation"), "The books are being compared. Look again in a moment."
        )


def newest(session: Session, shop: Shop) -> list[ReconciliationRun]:
    """The newest comparisons that are done (``ix_reconciliation_newest``)."""
    statement = (
        select(ReconciliationRun)
        .where(ReconciliationRun.shop_id == shop.id, ReconciliationRun.status == "done")
        .order_by(ReconciliationRun.id.desc())
        .limit(RUNS)
    )
    return list(session.scalars(statement))


def chosen(runs: list[ReconciliationRun]) -> ReconciliationRun | None:
    """The run the address names, else the newest."""
    wanted = request.args.get("run", "")
    return next((run for run in runs if str(run.id) == wanted), runs[0] if runs else None)


def is_waiting(session: Session, shop: Shop) -> bool:
    """Whether a comparison is under way or about to be."""
    waits = select(ReconciliationRun.id).where(
        ReconciliationRun.shop_id == shop.id, ReconciliationRun.status == word("waiting")
    )
    return session.scalar(waits.limit(1)) is not None


def download(content: bytes, name: str) -> FlaskResponse:
    """A file to keep."""
    headers: dict[str, Any] = {"Content-Disposition": f'attachment; filename="{name}"'}
    return FlaskResponse(content, content_type="text/csv; charset=utf-8", headers=headers)
