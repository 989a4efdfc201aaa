"""Production answers to its own names only, and asks for TLS where a trusted proxy says there was none."""

from __future__ import annotations

from typing import Any

import pytest

from admin.front_door import answers_to
from config import Config
from errors import ConfigError
from tests.hostile.conftest import PRODUCTION, open_door

OURS = frozenset({"shop.example", ".duka.example"})


@pytest.mark.parametrize(
    "host",
    ["shop.example", "SHOP.example:443", "localhost:8000", "127.0.0.1", "[::1]:8000", "a.duka.example"],
)
def test_a_host_of_ours_is_answered_to(host: str) -> None:
    assert answers_to(host, OURS)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "shop.example.evil",
        "evilshop.example",
        "duka.example",
        "127.0.0.1.nip.io",
        "x@shop.example",
        "shop.example/x",
        "shop.example\\@evil",
        "shop.example?x",
        "shop.example#",
        "shop.example\n",
        "shop.example:99999",
        "shop.example:0",
        "[::1",
        "10.0.0.1",
    ],
)
def test_any_other_host_is_not(host: str) -> None:
    assert not answers_to(host, OURS)


def ask(app: Any, path: str, host: str = "shop.example", method: str = "GET", **headers: str) -> Any:
    given = {"Host": host} | {name.replace("_", "-"): value for name, value in headers.items()}
    return app.test_client().open(path, method=method, headers=given)


@pytest.mark.parametrize(
    "path", ["/", "/health", "/admin/", "/api/orders", "/api/messages/incoming", "/nowhere"]
)
def test_a_request_for_another_host_is_refused(shop_database, path: str) -> None:
    app = open_door(shop_database, **PRODUCTION).app
    answer = ask(app, path, "evil.example")
    assert answer.status_code == 400
    assert b"evil" not in answer.get_data()


def test_further_hosts_can_be_named(shop_database) -> None:
    app = open_door(shop_database, **PRODUCTION, trusted_hosts=("pay.example",)).app
    assert [ask(app, "/", host).status_code for host in ("pay.example", "shop.example", "x.example")] == [
        200,
        200,
        400,
    ]


def test_a_forwarded_host_counts_only_from_a_trusted_proxy(shop_database) -> None:
    told = {
        "X_Forwarded_Host": "shop.example",
        "X_Forwarded_Proto": "https",
        "X_Forwarded_For": "203.0.113.9",
    }
    alone = open_door(shop_database, **PRODUCTION).app
    behind = open_door(shop_database, **PRODUCTION, trusted_proxies=1).app
    assert ask(alone, "/", "evil.example", **told).status_code == 400
    assert ask(behind, "/", "10.0.0.7", **told).status_code == 200
    assert ask(behind, "/", "shop.example", **told | {"X_Forwarded_Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_a_platform_may_probe_by_address_and_in_the_clear(shop_database, path: str) -> None:
    app = open_door(shop_database, **PRODUCTION, trusted_proxies=1).app
    answer = ask(app, path, "10.0.0.7", X_Forwarded_Proto="http")
    assert answer.status_code in {200, 503}
    assert "parts" not in answer.get_json()


def test_what_a_trusted_proxy_took_without_tls_is_sent_to_https(shop_database) -> None:
    app = open_door(shop_database, **PRODUCTION, trusted_proxies=1).app
    answer = ask(app, "/admin/orders?after=x", X_Forwarded_Proto="http")
    assert (answer.status_code, answer.location) == (308, "https://shop.example/admin/orders?after=x")
    assert ask(app, "/", X_Forwarded_Proto="https").status_code == 200


def test_without_a_trusted_proxy_nobody_can_make_us_redirect(shop_database) -> None:
    app = open_door(shop_database, **PRODUCTION).app
    assert ask(app, "/", X_Forwarded_Proto="http").status_code == 200


def test_every_answer_of_production_insists_on_tls(shop_database) -> None:
    app = open_door(shop_database, **PRODUCTION).app
    for path in ("/", "/livez", "/admin/", "/api/orders", "/nowhere"):
        assert "max-age=31536000" in ask(app, path).headers["Strict-Transport-Security"]


def test_development_answers_to_every_name(shop_database) -> None:
    answer = ask(open_door(shop_database).app, "/", "anything.example")
    assert answer.status_code == 200
    assert "Strict-Transport-Security" not in answer.headers


def test_trusted_hosts_are_read_and_checked() -> None:
    least = {"GHALA_WEBHOOK_SECRET": "webhook-secret", "ADMIN_PASSWORD": "kima-todu-fela-runi"}
    read = Config.from_env({**least, "TRUSTED_HOSTS": "Pay.example, .duka.example"})
    assert read.trusted_hosts == ("pay.example", ".duka.example")
    with pytest.raises(ConfigError) as caught:
        Config.from_env({**least, "TRUSTED_HOSTS": "https://pay.example,a b"})
    assert len(caught.value.problems) == 2
