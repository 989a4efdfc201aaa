"""``flask doctor``: what is well says so, what is not says how to mend it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

import measuring
from config import Config
from db import Database, clock, inbox, schema
from db.models import Chore, Product, Shop, WorkerHeartbeat
from db.redis_link import RedisLink
from ghala.probing import NotReached, Reached
from keeping import doctor
from keeping.backup import MADE
from tests.shop import open_shop

LONG = "a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6"


TESTS_ARE_NOT_DURABLE = "fsync is off, synchronous_commit is off, full_page_writes is off"
"""What the tests' own PostgreSQL is rightly told."""


class World:
    """Everything outside: what addresses answer, and when certificates end."""

    def __init__(self, now: Any) -> None:
        self.now = now
        self.keys = {f"Bearer {LONG}"}
        self.certificate_days = 60
        self.clock_off = timedelta(0)
        self.gone: set[str] = set()
        self.livez = 200

    def ask(self, url: str, headers: dict[str, str] | None = None) -> Reached:
        if any(part in url for part in self.gone):
            raise NotReached("ConnectTimeout")
        date = self.now() + self.clock_off
        if "/orders/" in url:
            known = (headers or {}).get("Authorization") in self.keys
            return Reached(404 if known else 401, b"{}", date)
        return Reached(self.livez, b'{"success": true}', date)

    def certificate(self, url: str) -> datetime | None:
        return self.now() + timedelta(days=self.certificate_days) if url.startswith("https") else None


@pytest.fixture
def world(now) -> World:
    return World(now)


@pytest.fixture
def patient(migrated_database: Database, redis_url: str, now, world: World) -> doctor.Patient:
    with migrated_database.writing() as session:
        open_shop(session)
        session.add(WorkerHeartbeat(worker="w", started_at=clock(), seen_at=clock()))
        session.add(Chore(name=MADE, begun_at=clock(), progress={}))
        inbox.record(
            session, 1, "messages:main", [inbox.NewEvent("message", "e1", b"{}", customer_key="254711222333")]
        )
    config = Config(
        env="production",
        public_url="https://shop.example",
        secret_key=LONG,
        ghala_api_url="https://ghala.example",
        ghala_api_key=LONG,
        ghala_webhook_secrets=(LONG,),
        ghala_signature_scheme="timestamp-hex",
        redis_url=redis_url,
    )
    return doctor.Patient(config, migrated_database, RedisLink(redis_url), world.ask, world.certificate, now)


def grades(patient: doctor.Patient) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for finding in doctor.examine(patient):
        found.setdefault(finding.check, []).append((finding.grade, finding.found))
        assert finding.mend or finding.grade == doctor.GOOD
    return found


def bad(patient: doctor.Patient) -> list[str]:
    found = [finding.found for finding in doctor.examine(patient) if finding.grade == doctor.BAD]
    return [said for said in found if said != TESTS_ARE_NOT_DURABLE]


def test_a_shop_that_is_ready_has_nothing_bad(patient: doctor.Patient) -> None:
    assert bad(patient) == []
    looked_at = {
        "secrets",
        "migrations",
        "database",
        "redis",
        "disk",
        "shop main",
        "worker",
        "backup",
        "ghala",
        "clock",
    }
    assert looked_at <= set(grades(patient))


def test_a_refused_key_is_bad(patient: doctor.Patient, world: World) -> None:
    world.keys = set()
    assert bad(patient) == ["our key is refused (401)"]


def test_a_ghala_that_asks_nobody_for_a_key_leaves_it_open(patient: doctor.Patient, world: World) -> None:
    world.keys.add("Bearer nobody")
    assert grades(patient)["ghala"][0][0] == doctor.CARE


def test_an_address_that_does_not_answer_is_told_without_naming_it(
    patient: doctor.Patient, world: World
) -> None:
    world.gone = {"ghala.example"}
    assert bad(patient) == ["no answer: ConnectTimeout"]


def test_a_clock_that_is_off_is_bad(patient: doctor.Patient, world: World) -> None:
    world.clock_off = timedelta(minutes=4)
    assert bad(patient) == ["240 s off Ghala's"]


def test_a_certificate_that_ends_soon_is_bad(patient: doctor.Patient, world: World) -> None:
    world.certificate_days = 5
    assert bad(patient) == ["the certificate lasts 5 days"]


def test_a_page_of_the_proxy_is_not_our_health(patient: doctor.Patient, world: World) -> None:
    world.livez = 502
    assert bad(patient) == ["/livez was answered with 502"]


def test_prices_that_are_no_whole_shillings_are_bad(patient: doctor.Patient) -> None:
    with patient.database.writing() as session:
        session.execute(update(Product).where(Product.sku == "HONEY").values(price=80_050))
    assert bad(patient) == ["1 prices are no whole KES, as HONEY at 800.50"]


def test_a_clock_of_another_country_wants_care(patient: doctor.Patient) -> None:
    with patient.database.writing() as session:
        session.execute(update(Shop).values(timezone="America/New_York"))
    assert (doctor.CARE, "keeps the time of America/New_York, which is not in KE") in grades(patient)[
        "shop main"
    ]


def test_a_silent_worker_and_a_waiting_customer_are_bad(patient: doctor.Patient, now) -> None:
    now.advance(120)
    said = bad(patient)
    assert "no worker for 120 s" in said
    assert "an event has waited 120 s" in said


def test_a_database_of_another_revision_is_bad_and_its_tables_are_left_alone(
    patient: doctor.Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "head", lambda: "9999")
    found = grades(patient)
    assert found["migrations"][0][0] == doctor.BAD
    assert "worker" not in found


def test_a_redis_that_is_gone_is_bad_for_speed(patient: doctor.Patient) -> None:
    lost = doctor.Patient(
        patient.config,
        patient.database,
        RedisLink("redis://127.0.0.1:1/0"),
        patient.asked,
        patient.certificate,
        patient.now,
    )
    assert [said for said in bad(lost) if said.startswith("does not answer")]


def test_listening_tells_the_right_scheme_from_the_wrong_one(patient: doctor.Patient) -> None:
    def receives(_: float) -> None:
        with patient.database.writing() as session:
            inbox.record(
                session,
                1,
                "messages:main",
                [inbox.NewEvent("message", "e2", b"{}", customer_key="254711222333")],
            )

    def refuses(_: float) -> None:
        measuring.count(measuring.REFUSED, "invalid_signature")

    assert doctor.listen(patient, 5, receives).grade == doctor.GOOD
    assert doctor.listen(patient, 5, refuses).grade == doctor.BAD
    assert doctor.listen(patient, 5, lambda _: None).grade == doctor.CARE
