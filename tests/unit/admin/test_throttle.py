"""Addresses as the limiter spells them."""

import pytest

from admin.throttle import storage_url


@pytest.mark.parametrize(
    ("given", "spelt"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("rediss://cache.example:6380/1", "rediss://cache.example:6380/1"),
        ("unix:///run/redis.sock?db=2", "redis+unix:///run/redis.sock?db=2"),
        ("", "memory://"),
    ],
)
def test_a_redis_address_is_spelt_for_the_limiter(given: str, spelt: str) -> None:
    assert storage_url(given) == spelt
