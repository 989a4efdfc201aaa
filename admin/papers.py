# ruff: noqa: RUF001 - a multiplication sign is one
"""Papers of one order as PDF: a slip for whoever packs it, and a receipt for the customer.

The letters of Europe and Vietnam are in the font that is built in; a letter it does not have is
left out, as emoji are.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from fontTools.ttLib import TTFont
from fpdf import FPDF

from admin.queries import OrderDetail
from admin.wording import Wording, plain

FONTS: Final = Path(__file__).parent / "fonts"
FACE: Final = "DejaVu"
LEFT: Final = 18.0
"""Millimetres of margin on every side of an A5 page."""
LINE: Final = 6.5
A5: Final = (148.0, 210.0)


@cache
def letters() -> frozenset[int]:
    """The characters that can be printed."""
    with TTFont(FONTS / "DejaVuSans-subset.ttf") as font:
        return frozenset(font.getBestCmap())


def printable(text: str, longest: int = 120) -> str:
    """What somebody wrote, without what the font cannot print."""
    return " ".join("".join(letter for letter in plain(text, longest) if ord(letter) in letters()).split())


class Paper(FPDF):
    """One A5 page after another in our font; the moment it was made is the only thing that changes."""

    def __init__(self) -> None:
        super().__init__(format=A5)
        self.set_margin(LEFT)
        self.set_auto_page_break(auto=True, margin=LEFT)
        self.add_font(FACE, "", FONTS / "DejaVuSans-subset.ttf")
        self.add_font(FACE, "B", FONTS / "DejaVuSans-Bold-subset.ttf")
        self.add_page()

    def write_line(self, text: str, *, size: float = 10, bold: bool = False, gap: float = 0.0) -> None:
        """One paragraph over the whole width."""
        if not text:
            return
        self.set_font(FACE, "B" if bold else "", size)
        self.multi_cell(0, LINE * size / 10, text, new_x="LMARGIN", new_y="NEXT")
        if gap:
            self.ln(gap)

    def write_pair(self, left: str, right: str, *, bold: bool = False) -> None:
        """Words on the left, an amount on the right; long words take more lines."""
        self.set_font(FACE, "B" if bold else "", 10)
        width = self.epw - 38
        top, page = self.get_y(), self.page
        self.set_x(LEFT + width)
        self.cell(38, LINE, right, align="R")
        self.page = page
        self.set_xy(LEFT, top)
        self.multi_cell(width, LINE, left or "-", new_x="LMARGIN", new_y="NEXT", align="L")

    def rule(self) -> None:
        """A line across."""
        self.ln(2)
        self.line(LEFT, self.get_y(), LEFT + self.epw, self.get_y())
        self.ln(2)


def slip(detail: OrderDetail, shop_name: str, say: Wording) -> bytes:
    """What is in the parcel and where it goes; no prices."""
    paper = Paper()
    order = detail.order
    _head(paper, "Packing slip", shop_name, detail, say)
    for line in detail.lines:
        paper.write_pair(printable(line.name), f"{say.number(line.quantity)} ×")
    paper.rule()
    place = order.delivery
    paper.write_line(printable(order.customer_name or detail.customer.name), bold=True)
    paper.write_line(detail.customer.phone or "")
    for key in ("recipient", "recipient_phone", "text", "landmark"):
        paper.write_line(printable(str(place.get(key) or ""), 400))
    if place.get("kind") == "pickup":
        paper.write_line("The customer picks it up.")
    return bytes(paper.output())


def receipt(detail: OrderDetail, shop_name: str, say: Wording) -> bytes:
    """What was bought and how it was paid."""
    paper = Paper()
    order = detail.order
    _head(paper, "Receipt", shop_name, detail, say)
    for line in detail.lines:
        words = f"{say.number(line.quantity)} × {printable(line.name)}"
        paper.write_pair(words, say.money(line.total, order.currency))
    paper.rule()
    if order.discount or order.delivery_fee:
        paper.write_pair("Subtotal", say.money(order.subtotal, order.currency))
    if order.discount:
        paper.write_pair(
            f"Discount {printable(order.discount_label)}".strip(),
            f"- {say.money(order.discount, order.currency)}",
        )
    if order.delivery_fee:
        paper.write_pair("Delivery", say.money(order.delivery_fee, order.currency))
    paper.write_pair("Total", say.money(order.total, order.currency), bold=True)
    paper.ln(2)
    for payment in detail.payments:
        if payment.status == "succeeded":
            words = " ".join(
                part
                for part in ("Paid by", say.method(payment.method), payment.transaction_ref or "")
                if part
            )
            paper.write_pair(printable(words), say.money(payment.amount, payment.currency))
    for refund in detail.refunds:
        if refund.status in {"succeeded", "manual"}:
            paper.write_pair("Paid back", f"- {say.money(refund.amount, refund.currency)}")
    return bytes(paper.output())


def _head(paper: Paper, title: str, shop_name: str, detail: OrderDetail, say: Wording) -> None:
    paper.write_line(printable(shop_name), size=14, bold=True)
    paper.write_line(f"{title} · {detail.order.ref} · {say.date(detail.order.placed_at)}")
    paper.rule()
