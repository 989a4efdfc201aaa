"""Pacing: no more messages a second than WhatsApp lets a shop send, nor to one person.

A shared limit in Redis, so that any number of workers keep it together. The cell rate algorithm
stores one moment per key: when the next message would be due if all went evenly. A shop may burst
one second's worth; a person 45 messages, as WhatsApp allows, paid back later (WIRE 2c, rates).
While Redis is away every worker keeps the same pace by itself: with several workers that is too fast by as many,
and WhatsApp's own refusals do the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, cast

import redis

from db.redis_link import RedisLink

PERSON_BURST: Final = 45

SCRIPT: Final = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function wait(key, interval, burst)
  local due = tonumber(redis.call('GET', key) or now)
  if due < now then due = now end
  return due, due - now - interval * (burst - 1)
end
local shop_interval, shop_burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local pair_interval, pair_burst = tonumber(ARGV[3]), tonumber(ARGV[4])
local waits = {}
for i = 2, #KEYS do
  local shop_due, shop_wait = wait(KEYS[1], shop_interval, shop_burst)
  local pair_due, pair_wait = wait(KEYS[i], pair_interval, pair_burst)
  local longest = math.max(shop_wait, pair_wait)
  if longest > 0 then
    waits[i - 1] = math.ceil(longest)
  else
    if shop_interval > 0 then redis.call('SET', KEYS[1], shop_due + shop_interval, 'PX', 60000) end
    if pair_interval > 0 then redis.call('SET', KEYS[i], pair_due + pair_interval, 'PX', 600000) end
    waits[i - 1] = 0
  end
end
return waits
"""
"""Takes the key of a shop and those of its customers, all of one hash tag; milliseconds for each customer."""


MOST_KEPT: Final = 20_000
"""Shops and people whose pace one worker remembers before it forgets those who need not wait."""


class Pacing:
    """How long messages must wait.

    Args:
        link: the Redis all workers share.
        per_second: messages a second per shop, 0 for no limit.
        pair_seconds: seconds between messages to one person on average, 0 for no limit.
        monotonic: seconds that never go back, for the time without Redis.
    """

    def __init__(
        self,
        link: RedisLink,
        per_second: float,
        pair_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._link = link
        self._script = link.client.register_script(SCRIPT)
        self._off = not per_second and not pair_seconds
        shop_interval = 1000.0 / per_second if per_second else 0.0
        self._args = [shop_interval, max(1.0, per_second), pair_seconds * 1000.0, PERSON_BURST]
        self._monotonic = monotonic
        self._due: dict[tuple[int, ...], float] = {}

    def delays(self, messages: Sequence[tuple[int, int]]) -> list[float]:
        """Seconds each message (shop id, customer id) must wait; 0 takes its place in the flow."""
        if self._off or not messages:
            return [0.0] * len(messages)

        def ask(client: redis.Redis) -> list[float]:
            found = [0.0] * len(messages)
            for shop_id in dict.fromkeys(shop_id for shop_id, _ in messages):
                places = [place for place, (of, _) in enumerate(messages) if of == shop_id]
                shop = f"duka:pace:{{s{shop_id}}}"
                keys = [shop, *(f"{shop}:{messages[place][1]}" for place in places)]
                waits = cast("list[int]", self._script(keys=keys, args=self._args, client=client))
                for place, wait in zip(places, waits, strict=True):
                    found[place] = wait / 1000.0
            return found

        nothing: list[float] = []
        shared = self._link.attempt(ask, nothing)
        return shared or [self._own(shop_id, customer_id) for shop_id, customer_id in messages]

    def _own(self, shop_id: int, customer_id: int) -> float:
        """The same as ``SCRIPT``, for this process alone."""
        now = self._monotonic() * 1000.0
        shop_interval, shop_burst, pair_interval, pair_burst = self._args
        paces = (((shop_id,), shop_interval, shop_burst), ((shop_id, customer_id), pair_interval, pair_burst))
        due = {key: max(now, self._due.get(key, now)) for key, _, _ in paces}
        longest = max(due[key] - now - interval * (burst - 1) for key, interval, burst in paces)
        if longest > 0:
            return longest / 1000.0
        if len(self._due) > MOST_KEPT:
            self._due = {key: moment for key, moment in self._due.items() if moment > now}
        self._due.update({key: due[key] + interval for key, interval, _ in paces if interval})
        return 0.0
