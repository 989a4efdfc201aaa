"""What the environment must say before a shop may open."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import redis_address
from config import DIALECTS, HERE, Config, is_loopback, weak
from errors import ConfigError

LEAST = {"GHALA_WEBHOOK_SECRET": "webhook-secret-of-the-tests", "ADMIN_PASSWORD": "kima-todu-fela-runi"}
PRODUCTION = {
    **LEAST,
    "DUKA_ENV": "production",
    "PUBLIC_URL": "https://shop.example",
    "SECRET_KEY": "c0ffee-and-h0ney-and-soap",
    "GHALA_API_URL": "https://ghala.example",
    "GHALA_API_KEY": "the-key-from-ghala",
    "ADMIN_USERNAME": "asha",
}


def problems(environ: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        Config.from_env(environ)
    return caught.value.problems


def test_development_needs_a_webhook_secret_and_a_password_only() -> None:
    config = Config.from_env(LEAST)
    assert not config.production
    assert (config.port, config.database_url) == (8000, "sqlite:///var/duka.db")
    assert (config.shop_currency, config.shop_country, config.shop_timezone) == (
        "KES",
        "KE",
        "Africa/Nairobi",
    )
    assert (config.admin_username, config.shop_language) == ("admin", "en")
    assert (config.messages_per_second, config.pair_seconds) == (80.0, 6.0)


def test_every_problem_is_reported_at_once() -> None:
    found = problems(
        {
            "DUKA_ENV": "prod",
            "PORT": "eighty",
            "PUBLIC_URL": "shop.example",
            "DATABASE_URL": "mysql://db/shop",
            "REDIS_URL": "http://redis",
            "GHALA_DIALECT": "v9",
            "GHALA_SIGNATURE_SCHEME": "rot13",
            "SHOP_CURRENCY": "cowries",
            "SHOP_COUNTRY": "Kenya",
            "SHOP_TIMEZONE": "Nairobi",
            "SHOP_LANGUAGE": "xx",
            "WORKER_THREADS": "0",
            "TRUSTED_PROXIES": "-1",
            "LOG_LEVEL": "LOUD",
        }
    )
    named = {re.match(r"[A-Z_]+", problem)[0] for problem in found}  # type: ignore[index]
    assert named == {
        "DUKA_ENV",
        "PORT",
        "PUBLIC_URL",
        "DATABASE_URL",
        "REDIS_URL",
        "GHALA_DIALECT",
        "GHALA_SIGNATURE_SCHEME",
        "SHOP_CURRENCY",
        "SHOP_COUNTRY",
        "SHOP_TIMEZONE",
        "SHOP_LANGUAGE",
        "WORKER_THREADS",
        "TRUSTED_PROXIES",
        "LOG_LEVEL",
        "GHALA_WEBHOOK_SECRET",
        "ADMIN_PASSWORD",
    }
    assert all(problem.endswith(".") for problem in found)


@pytest.mark.parametrize("secret", [None, "", "   ", ",", " , "])
@pytest.mark.parametrize("base", [LEAST, PRODUCTION])
def test_no_webhook_secret_no_start(base: dict[str, str], secret: str | None) -> None:
    environ = {name: value for name, value in base.items() if name != "GHALA_WEBHOOK_SECRET"}
    if secret is not None:
        environ["GHALA_WEBHOOK_SECRET"] = secret
    assert problems(environ) == ("GHALA_WEBHOOK_SECRET is missing: webhooks could not be verified.",)


def test_two_webhook_secrets_are_accepted_while_they_rotate() -> None:
    config = Config.from_env({**LEAST, "GHALA_WEBHOOK_SECRET": " new-secret , old-secret,"})
    assert config.ghala_webhook_secrets == ("new-secret", "old-secret")


def test_production_starts_with_everything_it_needs() -> None:
    assert Config.from_env(PRODUCTION).production


@pytest.mark.parametrize(
    "name", ["PUBLIC_URL", "SECRET_KEY", "GHALA_API_URL", "GHALA_API_KEY", "ADMIN_USERNAME"]
)
def test_production_misses_what_development_can_do_without(name: str) -> None:
    assert problems({**PRODUCTION, name: ""}) == (f"{name} is missing: production needs it.",)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "changeme"),
        ("SECRET_KEY", "short-but-odd!"),
        ("SECRET_KEY", "a" * 40),
        ("GHALA_WEBHOOK_SECRET", "secret"),
        ("GHALA_WEBHOOK_SECRET", "webhook-secret-of-the-tests,old"),
        ("ADMIN_PASSWORD", "admin"),
        ("ADMIN_PASSWORD", "password"),
        ("ADMIN_PASSWORD", "thirteen-char"),
        ("ADMIN_PASSWORD", "abababababababab"),
        ("METRICS_TOKEN", "metrics"),
    ],
)
def test_production_refuses_a_weak_secret_which_development_takes(name: str, value: str) -> None:
    (problem,) = problems({**PRODUCTION, name: value})
    assert problem.startswith(f"{name} must have at least")
    Config.from_env({**LEAST, name: value})


def test_every_one_of_several_weak_secrets_is_reported() -> None:
    assert len(problems({**PRODUCTION, "GHALA_WEBHOOK_SECRET": "one,two", "SECRET_KEY": "x"})) == 3


def test_a_problem_never_repeats_a_secret() -> None:
    environ = dict.fromkeys(("SECRET_KEY", "ADMIN_PASSWORD", "GHALA_WEBHOOK_SECRET", "METRICS_TOKEN"), "hush")
    environ |= {"DATABASE_URL": "mysql://shop:hush@db/shop", "REDIS_URL": "http://:hush@redis"}
    assert "hush" not in " ".join(problems({**PRODUCTION, **environ}))


@pytest.mark.parametrize("name", ["PUBLIC_URL", "GHALA_API_URL"])
@pytest.mark.parametrize("host", ["127.0.0.1:8010", "127.8.8.8", "localhost", "[::1]:8000"])
def test_production_takes_plain_http_on_loopback(name: str, host: str) -> None:
    Config.from_env({**PRODUCTION, name: f"http://{host}"})


@pytest.mark.parametrize("name", ["PUBLIC_URL", "GHALA_API_URL"])
@pytest.mark.parametrize(
    "host",
    ["shop.example", "10.0.0.1", "localhost.evil.example", "0.0.0.0", "127.0.0.1.nip.io"],  # noqa: S104
)
def test_production_refuses_plain_http_anywhere_else(name: str, host: str) -> None:
    (problem,) = problems({**PRODUCTION, name: f"http://{host}"})
    assert problem.startswith(f"{name} must be https")
    Config.from_env({**LEAST, name: f"http://{host}"})


@pytest.mark.parametrize(
    "url", ["shop.example", "ftp://shop.example", "https://", "http://[::1", "http://shop:port"]
)
def test_an_address_that_is_none_is_a_problem_and_no_crash(url: str) -> None:
    (problem,) = problems({**LEAST, "PUBLIC_URL": url})
    assert problem.startswith("PUBLIC_URL must be an http(s) address")


def test_an_address_loses_its_last_slash() -> None:
    assert (
        Config.from_env({**LEAST, "PUBLIC_URL": "https://shop.example/"}).public_url == "https://shop.example"
    )


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2", "postgresql+psycopg"])
def test_every_way_to_say_postgresql_names_one_driver(scheme: str) -> None:
    config = Config.from_env({**LEAST, "DATABASE_URL": f"{scheme}://shop@db:5432/shop"})
    assert config.database_url == "postgresql+psycopg://shop@db:5432/shop"
    assert not config.on_sqlite


@pytest.mark.parametrize(
    "url",
    [
        "redis://r:6379/0",
        "rediss://r:6380/1",
        "unix:///run/redis.sock",
        "redis+sentinel://one:26379,two/mymaster/2",
        "rediss+sentinel://shop:pa%3Ass@one/mymaster?sentinel_password=hush",
        "redis+cluster://one:7000,two:7001",
        "rediss+cluster://:secret@[::1]:7000/0",
    ],
)
def test_redis_may_be_reached_in_several_ways(url: str) -> None:
    assert Config.from_env({**LEAST, "REDIS_URL": url}).redis_url == url


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://redis", "must be redis://"),
        ("redis", "must be redis://"),
        ("redis+shards://one", "must be redis://"),
        ("unix+cluster:///run/redis.sock", "must be redis://"),
        ("redis+sentinel://one:26379", "must name the service"),
        ("redis+sentinel://one/mymaster/x", "number of its database"),
        ("redis+sentinel://one/mymaster/0/1", "number of its database"),
        ("redis+sentinel://one:port/mymaster", "a port that is none"),
        ("redis+sentinel://one,/mymaster", "an empty host"),
        ("redis+cluster://", "an empty host"),
        ("redis+cluster://one:99999", "a port that is none"),
        ("redis+cluster://one/3", "names a database"),
        ("redis+cluster://one?sentinel_password=x", "an option nobody knows"),
        ("redis+cluster://[::1", "brackets that make no sense"),
    ],
)
def test_an_address_of_redis_that_cannot_be_is_told_at_the_start(url: str, said: str) -> None:
    (problem,) = problems({**LEAST, "REDIS_URL": url})
    assert problem.startswith("REDIS_URL ")
    assert said in problem


def test_an_address_of_redis_is_taken_apart() -> None:
    found = redis_address.parse("rediss+sentinel://shop:p%40ss@one,[::1]:5000/m/2?sentinel_password=s")
    assert found.nodes == (("one", 26379), ("::1", 5000))
    assert (found.kind, found.service, found.database, found.tls) == ("sentinel", "m", 2, True)
    assert (found.username, found.password, found.sentinel_password) == ("shop", "p@ss", "s")
    assert "p@ss" not in repr(found)


@pytest.mark.parametrize(("dialect", "scheme"), DIALECTS.items())
def test_the_signature_scheme_follows_the_dialect_unless_told(dialect: str, scheme: str) -> None:
    environ = {**LEAST, "GHALA_DIALECT": dialect, "GHALA_PHONE_NUMBER_ID": "1"}
    assert Config.from_env(environ).ghala_signature_scheme == scheme
    told = Config.from_env({**environ, "GHALA_SIGNATURE_SCHEME": "timestamp-base64"})
    assert told.ghala_signature_scheme == "timestamp-base64"


def test_the_cloud_dialect_needs_the_number_it_sends_from() -> None:
    (problem,) = problems({**LEAST, "GHALA_DIALECT": "cloud"})
    assert problem.startswith("GHALA_PHONE_NUMBER_ID is missing")


def test_payments_may_have_an_address_and_a_key_of_their_own() -> None:
    environ = {**LEAST, "GHALA_API_URL": "https://graph.example/v23.0", "GHALA_API_KEY": "for-messages"}
    environ |= {"GHALA_PAYMENTS_URL": "https://pay.example/v1/", "GHALA_PAYMENTS_KEY": "for-payments"}
    config = Config.from_env(environ)
    assert (config.ghala_payments_url, config.ghala_payments_key) == (
        "https://pay.example/v1",
        "for-payments",
    )


def test_a_key_is_not_given_to_another_host() -> None:
    environ = {**LEAST, "GHALA_API_URL": "https://graph.example", "GHALA_API_KEY": "for-messages"}
    (problem,) = problems({**environ, "GHALA_PAYMENTS_URL": "https://pay.example"})
    assert problem.startswith("GHALA_PAYMENTS_KEY is missing")
    Config.from_env({**environ, "GHALA_PAYMENTS_URL": "https://graph.example/v1"})


@pytest.mark.parametrize(("value", "shown"), [("", True), ("on", True), ("off", False)])
def test_read_marks_are_shown_unless_switched_off(value: str, *, shown: bool) -> None:
    assert Config.from_env({**LEAST, "GHALA_READ_MARKS": value}).ghala_read_marks is shown


def test_a_password_or_its_hash_but_not_both() -> None:
    hashed = {
        "GHALA_WEBHOOK_SECRET": LEAST["GHALA_WEBHOOK_SECRET"],
        "ADMIN_PASSWORD_HASH": "scrypt:1:2:3$x$y",
    }
    assert Config.from_env(hashed).admin_password == ""
    assert problems({**LEAST, **hashed}) == ("Set ADMIN_PASSWORD or ADMIN_PASSWORD_HASH, not both.",)


@pytest.mark.parametrize("value", ["0", "0.5", "100000"])
def test_pacing_takes_fractions_and_zero(value: str) -> None:
    assert Config.from_env({**LEAST, "GHALA_PAIR_SECONDS": "0"}).pair_seconds == 0
    assert Config.from_env({**LEAST, "GHALA_MESSAGES_PER_SECOND": value}).messages_per_second == float(value)


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "fast", "1e9"])
def test_pacing_takes_nothing_senseless(value: str) -> None:
    (problem,) = problems({**LEAST, "GHALA_MESSAGES_PER_SECOND": value})
    assert problem.startswith("GHALA_MESSAGES_PER_SECOND must be a number")


def test_secrets_never_show_in_the_repr() -> None:
    secrets = {
        "SECRET_KEY": "hidden-1-secret-key",
        "DATABASE_URL": "postgres://shop:hidden-2@db/shop",
        "REDIS_URL": "redis://:hidden-3@redis/0",
        "GHALA_API_KEY": "hidden-4-api-key",
        "GHALA_WEBHOOK_SECRET": "hidden-5-webhook,hidden-6-webhook",
        "GHALA_VERIFY_TOKEN": "hidden-7",
        "ADMIN_PASSWORD": "hidden-8-password",
        "METRICS_TOKEN": "hidden-9-metrics-token",
    }
    config = Config.from_env({**PRODUCTION, **secrets})
    assert config.ghala_verify_token == "hidden-7"
    assert "hidden" not in repr(config)
    hashed = {**PRODUCTION, "ADMIN_PASSWORD": "", "ADMIN_PASSWORD_HASH": "hidden-hash"}
    assert "hidden" not in repr(Config.from_env(hashed))


def test_given_values_are_the_only_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("SHOP_NAME=From the file\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHOP_NAME", "From the process")
    assert Config.from_env(LEAST).shop_name == "Duka Demo Shop"


def test_the_process_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("SHOP_NAME=From the file\nSHOP_COUNTRY=tz\n")
    monkeypatch.chdir(tmp_path)
    for name, value in {**LEAST, "SHOP_NAME": "From the process"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SHOP_COUNTRY", raising=False)
    config = Config.from_env()
    assert (config.shop_name, config.shop_country) == ("From the process", "TZ")


def test_the_demo_catalogue_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Config.from_env(LEAST).catalog_file == HERE / "catalog" / "demo.yaml"


@pytest.mark.parametrize("url", ["http://example.com", "http://[::2]", "http://", "nonsense"])
def test_loopback_is_this_machine_only(url: str) -> None:
    assert not is_loopback(url)


def test_a_password_of_four_groups_is_strong_enough() -> None:
    assert not weak(LEAST["ADMIN_PASSWORD"], 14)


def test_the_example_names_every_variable_and_holds_no_secret() -> None:
    source = (HERE / "config.py").read_text()
    asked = set(re.findall(r'self\.(?:text|number|choice|url)\(\s*"([A-Z_]+)"', source))
    lines = (HERE / ".env.example").read_text().splitlines()
    example = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert set(example) == asked
    for name, value in example.items():
        assert not value or not re.search(r"SECRET|KEY|PASSWORD|TOKEN", name)


def test_the_example_says_what_the_defaults_are() -> None:
    lines = (HERE / ".env.example").read_text().splitlines()
    example = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert Config.from_env({**example, **LEAST}) == Config.from_env(LEAST)
