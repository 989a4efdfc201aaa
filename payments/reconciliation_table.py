"""A reconciliation as lines of text for a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from catalog.money import to_major
from payments.reconciliation import DaySum, Finding, Report


def lines(report: Report, currency: str) -> Iterator[str]:
    """The report: what came in per day, then the findings by kind with what to do; amounts in major units."""
    yield f"From {report.since:%Y-%m-%d %H:%M} to {report.until:%Y-%m-%d %H:%M} UTC, {_asked(report)}."
    yield ""
    yield from _table(
        ["day", "gateway", "booked", "due back", "unmatched", "gateway should say", "went back"],
        [_day(day) for day in report.days],
        "No money in this time.",
    )
    waiting = sorted(report.findings, key=lambda finding: (not finding.for_a_person, finding.kind))
    for kind, found in groupby(waiting, key=lambda finding: finding.kind):
        findings = list(found)
        more = ", and more" if kind in report.more else ""
        yield ""
        yield f"{kind.replace('_', ' ').upper()} ({len(findings)}{more}): {findings[0].remedy}"
        yield from _table(
            ["since", "what", "amount", "", "settle as"], [_finding(row, currency) for row in findings], ""
        )
    yield ""
    if report.for_a_person:
        yield f"{report.for_a_person} of {len(report.findings)} findings wait for a person."
    else:
        yield "Everything adds up; nothing waits for a person."


def _asked(report: Report) -> str:
    rest = f" ({report.not_asked} were left for the next time)" if report.not_asked else ""
    return f"gateways asked about {report.asked} payments{rest}"


def _day(day: DaySum) -> list[str]:
    amounts = (day.booked, day.refund_due, day.unmatched, day.total, day.refunded)
    return [day.day.isoformat(), day.gateway, *(_amount(amount, day.currency) for amount in amounts)]


def _finding(finding: Finding, currency: str) -> list[str]:
    amount = _amount(finding.amount, finding.currency or currency)
    return [f"{finding.since:%Y-%m-%d %H:%M}", finding.subject, amount, finding.detail, finding.settle]


def _amount(minor: int | None, currency: str) -> str:
    if minor is None:
        return "?"
    try:
        return f"{currency} {to_major(minor, currency):,}"
    except KeyError:
        return f"{minor} minor units of {currency or '?'}"


def _table(head: list[str], rows: list[list[str]], empty: str) -> Iterator[str]:
    if not rows:
        if empty:
            yield empty
        return
    # What others sent may hold anything: nothing of it moves the cursor or breaks a line.
    shown = [[_plain(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[column]) for row in shown) for column in range(len(head))]
    for row in shown:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _plain(cell: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in cell)[:60]
