"""The shop's people: they fill the shelves, send orders on their way, cancel, pay back, and pause the shop.

They do what the console's pages and commands do, through the same functions, in web processes that
die like all others; the programs they have use the API and repeat what had no answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import orjson
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from catalog import editing
from db.models import Order, Product, Shop
from errors import RuleBroken
from keeping import pausing
from orders import service as order_service
from payments import cancelling
from simulation.machinery import SimBell
from simulation.scheduler import Process

if TYPE_CHECKING:
    from simulation.machinery import SimDatabase
    from simulation.outside import Outside
    from simulation.people import Person
    from simulation.shopkeeping import Frontage, Premises

SCARCE: Final = "KIONDO"
"""A product of which there are few."""
A_FEW: Final = 2
CREATED: Final = 201
CONFLICT: Final = 409
ANSWERED: Final = frozenset({200, CREATED, CONFLICT})
MOST_TRIES: Final = 20
AGAIN_AFTER: Final = 5.0
ACTS: Final = {"restock": 3, "move": 8, "cancel": 1, "give_back": 2}
"""What they do, and how often."""
NEXT: Final = {"paid": "preparing", "preparing": "dispatched", "dispatched": "delivered"}
PAUSES: Final = 0.4
"""The chance that somebody pauses the shop once."""


class Staff:
    """See the module."""

    def __init__(
        self, premises: Premises, database: SimDatabase, doors: Frontage, outside: Outside, address: str
    ) -> None:
        self._premises = premises
        self._world = premises.world
        self._database = database
        self._doors = doors
        self._outside = outside
        self._address = address
        self._bell = SimBell(premises.world, premises.store, premises.dispatch)
        self.given_back: list[str] = []
        """References of the transfers the shop has acknowledged."""

    def begin(self, until: float, customers: int) -> None:
        """Come to work; the later it is, the more there is to do."""
        world = self._world
        for _ in range(customers // 3 + 3):
            world.scheduler.after(world.between(until * 0.15, until), self._act)
        if world.rng.random() < PAUSES:
            at = world.between(60, until - 400)
            world.scheduler.after(at, lambda: self._at_console("pause", self._pause))
            world.scheduler.after(at + world.between(20, 240), self.resume)

    def _act(self) -> None:
        name = self._world.rng.choices(list(ACTS), list(ACTS.values()))[0]
        if name == "give_back":
            self._give_back()
        else:
            self._at_console(
                name, {"restock": self._restock, "move": self._move, "cancel": self._cancel}[name]
            )

    # --- the console ----------------------------------------------------------------------------------

    def _at_console(self, name: str, work: Callable[[Session, Shop], int | None]) -> None:
        """One change, as a page makes it: a transaction, then the bell. An error is shown, and that was that."""

        def change() -> None:
            try:
                with self._database.writing() as session:
                    shop = session.scalars(select(Shop)).one()
                    event_id = work(session, shop)
            except (OperationalError, RuleBroken):
                return
            finally:
                self._database.restocked = 0
            self._world.log("staff", name)
            if event_id is not None:
                self._bell.inbox("internal", event_id)

        self._doors.task(f"web.{name}", change)

    def stock(self, customers: int) -> None:
        """Before the shop opens: of one thing there are few."""
        with self._database.writing() as session:
            product = session.scalars(select(Product).where(Product.sku == SCARCE)).one()
            few = A_FEW + customers // 40
            self._database.restocked = few - (product.available or 0)
            product.available = few
            session.flush()
        self._database.restocked = 0

    def _restock(self, session: Session, shop: Shop) -> None:
        """A few more of what is scarce."""
        product_id = session.scalars(select(Product.id).where(Product.sku == SCARCE)).one()
        self._database.restocked = self._world.rng.randint(1, A_FEW)
        editing.restock(session, shop, product_id, self._database.restocked)

    def _move(self, session: Session, shop: Shop) -> int | None:
        # What is nearly there goes first, so that some orders arrive while we look.
        found = (
            self._some(session, "dispatched")
            or self._some(session, "preparing")
            or self._some(session, "paid")
        )
        if found is None:
            return None
        order = order_service.move(session, shop.id, found.ref, NEXT[found.status])
        return order_service.tell_moved(session, order)

    def _cancel(self, session: Session, shop: Shop) -> int | None:
        found = self._some(session, "paid", "preparing", "pending_payment")
        if found is None:
            return None
        give_up = order_service.cancel if found.status == "pending_payment" else cancelling.cancel_paid
        order = give_up(session, shop.id, found.ref, actor="shop")
        return order_service.tell_moved(session, order)

    def _some(self, session: Session, *statuses: str) -> Any:
        orders = session.execute(
            select(Order.ref, Order.status).where(Order.status.in_(statuses)).order_by(Order.id)
        ).all()
        return self._world.rng.choice(orders) if orders else None

    def _pause(self, session: Session, shop: Shop) -> None:  # noqa: ARG002 - every change is called alike
        pausing.pause(session)
        self._world.faults.reached("the shop was paused")

    def resume(self) -> None:
        """Open the shop again, by a command that may fail and is then given once more."""
        process = Process("command")

        def command() -> None:
            worker = next((worker for worker in self._premises.workers if worker.process.alive), None)
            opened = False
            try:
                if worker is not None:
                    done = pausing.resume(
                        self._database,
                        ask=lambda _: True,
                        apply=lambda row: worker.do("apply_payment", row),
                        advance=lambda row: worker.do("advance", row),
                    )
                    opened = done.opened
            except OperationalError:
                opened = False
            finally:
                if not opened:
                    self._world.scheduler.after(AGAIN_AFTER, self.resume)

        self._world.scheduler.spawn(process, "resume", command)

    # --- programs ---------------------------------------------------------------------------------------

    def order_for(self, person: Person) -> None:
        """A program of the owner orders for a customer who has only a phone."""
        rng = self._world.rng
        order: dict[str, object] = {
            "productId": rng.choice(("COFFEE-1KG", "HONEY-500G", SCARCE, SCARCE, SCARCE)),
            "quantity": rng.randint(1, 3),
            "phoneNumber": f"+{person.number}",
            "customerName": person.name,
            "deliveryAddress": f"{self._address}, Nairobi",
        }
        self._outside.last_inbound[person.number] = self._world.scheduler.time

        def heard(status: int, answer: bytes) -> None:
            if status == CONFLICT:
                self._world.faults.reached("a program ordered more than is left")
            else:
                self._world.log("api order", orjson.loads(answer)["data"]["id"])

        self._program("/api/orders", order, heard)
        # They have written to the shop before: their window is open.
        person.say("Hi")

    def _give_back(self) -> None:
        """Money goes back by hand; the program that notes it repeats itself until it is heard."""
        orders = self._database.all("SELECT ref FROM orders WHERE paid_at IS NOT NULL ORDER BY id")
        if not orders:
            return
        (ref,) = self._world.rng.choice(orders)
        reference = f"BACK{self._outside.number()}"
        body: dict[str, object] = {"reason": "Not as it should be", "reference": reference}
        if self._world.rng.random() < 0.5:
            body["amount"] = 100

        def heard(status: int, answer: bytes) -> None:  # noqa: ARG001 - every answer is heard alike
            if status == CREATED:
                self.given_back.append(reference)

        self._program(f"/api/orders/{ref}/refunds", body, heard)

    def _program(self, path: str, body: dict[str, object], heard: Callable[[int, bytes], None]) -> None:
        """Post until there is an answer, always under one key."""
        raw = orjson.dumps(body)
        key = f"api-{self._outside.number()}"

        def attempt(left: int) -> None:
            done = False

            def post() -> None:
                nonlocal done
                try:
                    status, answer = self._doors.ask(path, "", raw, {"Idempotency-Key": key})
                    done = status in ANSWERED
                    if done:
                        heard(status, answer)
                finally:
                    if not done and left:
                        self._world.scheduler.after(AGAIN_AFTER, lambda: attempt(left - 1))

            if not self._doors.task("web.api", post) and left:
                self._world.scheduler.after(AGAIN_AFTER, lambda: attempt(left - 1))

        attempt(MOST_TRIES)
