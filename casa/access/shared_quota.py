"""Quotas that replicas share through Redis, with each one's own counts to fall back on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, cast

import structlog
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from casa.access.breaker import Breaker
from casa.access.quota import Charge, LocalQuota, Quota
from casa.errors import InvalidSettings
from casa.monitoring.metrics import Metrics

ROUND_SECONDS = 0.045
"""Longest round trip. A call waits for at most two, the one under way and its own: 100 ms are promised."""
PROBE_SECONDS = 0.5
PREFIX = "casa:quota"

# The scripts of `limits` count what they refuse, or do not say what is left, and take one call a round trip. This one
# answers for each key what is used after the call, or, if that would be too much, -1 less what is used without it.
TAKE = """
local answers = {}
for i, key in ipairs(KEYS) do
  local units, limit = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1])
  local used = tonumber(redis.call('GET', key) or '0')
  if used + units > limit then
    answers[i] = -1 - used
  else
    answers[i] = redis.call('INCRBY', key, units)
    if used == 0 then redis.call('EXPIRE', key, ARGV[3 * i]) end
  end
end
return answers
"""


Answers = Awaitable[list[int]]


class Request(NamedTuple):
    """One call's question, and where its answer goes: None if Redis gave none."""

    name: str
    units: int
    limit: int
    seconds: int
    answer: asyncio.Future[int | None]


class SharedQuota:
    """Counts in Redis. While it is slow, gone, full or refusing, counts of this process; no call waits for its return.

    Calls that come while a round trip is under way share the next one. Belongs to the event loop of its first call.
    """

    def __init__(self, url: str, local: LocalQuota, *, metrics: Metrics, clock: Callable[[], float]) -> None:
        self._redis = _connect(url)
        self._local = local
        self._metrics = metrics
        self._breaker = Breaker(clock)
        self._log = structlog.get_logger()
        self._waiting: list[Request] = []
        self._courier: asyncio.Task[None] | None = None
        self._probe: asyncio.Task[None] | None = None
        metrics.shared_quota_available.set(1)

    async def take(self, client: str, quota: Quota, units: int, *, now: float) -> Charge:
        """Take units of the client's quota; QuotaExceeded, and nothing taken, if they are not there."""
        if self._breaker.is_open:
            return self._local.take(client, quota, units, now=now)
        name, reset_seconds = quota.window(client, now)
        answer = await self._queue(name, units, quota.units, seconds=2 * quota.seconds)
        if answer is None:
            return self._local.take(client, quota, units, now=now)
        if answer < 0:
            raise Charge(quota, -1 - answer, reset_seconds).refuse(units)
        return Charge(quota, answer, reset_seconds)

    async def close(self) -> None:
        """End the connections, and the tasks that use them."""
        for task in (self._courier, self._probe):
            if task is not None:
                task.cancel()
        await self._redis.aclose(close_connection_pool=True)

    def _queue(self, name: str, units: int, limit: int, *, seconds: int) -> asyncio.Future[int | None]:
        loop = asyncio.get_running_loop()
        request = Request(f"{PREFIX}:{name}", units, limit, seconds, loop.create_future())
        self._waiting.append(request)
        if self._courier is None or self._courier.done():
            self._courier = loop.create_task(self._carry())
        return request.answer

    async def _carry(self) -> None:
        """Ask for all who wait, in one round trip after the other, until nobody does."""
        while self._waiting:
            requests, self._waiting = self._waiting, []
            answers: Sequence[int | None] = [None] * len(requests)
            try:
                answers = await self._ask(requests)
            except (RedisError, OSError, TimeoutError) as error:
                self._fall_back(error)
            finally:  # whatever happens, nobody is left waiting
                _answer(requests, answers)

    async def _ask(self, requests: Sequence[Request]) -> list[int]:
        names = [request.name for request in requests]
        numbers = [number for request in requests for number in request[1:4]]
        async with asyncio.timeout(ROUND_SECONDS):
            return await cast("Answers", self._redis.eval(TAKE, len(names), *names, *numbers))

    def _fall_back(self, error: Exception) -> None:
        waiting, self._waiting = self._waiting, []
        _answer(waiting, [None] * len(waiting))
        if self._breaker.open():
            reason = str(error) or f"no answer within {ROUND_SECONDS * 1000:.0f} ms"
            self._log.warning("shared quota gone, each replica counts for itself", reason=reason)
            self._metrics.shared_quota_available.set(0)
            self._probe = asyncio.create_task(self._return())

    async def _return(self) -> None:
        """Ask again every half second, by a call that writes: a full or read-only Redis answers a ping."""
        probe = Request(f"{PREFIX}:probe", 1, 1_000_000, 1, asyncio.get_running_loop().create_future())
        while self._breaker.is_open:
            await asyncio.sleep(PROBE_SECONDS)
            try:
                await self._ask([probe])
            except (RedisError, OSError, TimeoutError):
                continue
            seconds = self._breaker.close()
            self._metrics.shared_quota_available.set(1)
            self._log.info("shared quota back", gone_seconds=round(seconds, 1))


def _answer(requests: Sequence[Request], answers: Sequence[int | None]) -> None:
    for request, answer in zip(requests, answers, strict=True):
        if not request.answer.done():  # its caller may have gone
            request.answer.set_result(answer)


def _connect(url: str) -> Redis:
    try:
        pool = ConnectionPool.from_url(
            url,
            socket_timeout=ROUND_SECONDS,
            socket_connect_timeout=ROUND_SECONDS,
            retry=Retry(NoBackoff(), 0),
            driver_info=None,  # else each new connection reads the library's version from the disk, to tell it
        )
    except ValueError as error:
        raise InvalidSettings("CASA_REDIS_URL is no address of Redis, as in redis://HOST:6379/0") from error
    return Redis(connection_pool=pool)
