"""Redis killed, hung, full, read-only, locked, and back: calls go on by local counts, and no call waits for it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from time import monotonic, perf_counter

import pytest
from structlog.testing import capture_logs

from casa.access.quota import Charge, LocalQuota, Quota
from casa.access.shared_quota import SharedQuota
from casa.errors import QuotaExceeded
from casa.monitoring.metrics import Metrics
from tests.servers import RedisServer, until

NOON = 1_777_636_800.0
MANY = Quota(1_000_000, 60)
THREE = Quota(3, 60)


class Replica:
    """One replica's quotas, its event loop and its metric."""

    def __init__(self, url: str) -> None:
        self.runner = asyncio.Runner()
        self._metrics = Metrics()
        self._quota = SharedQuota(url, LocalQuota(), metrics=self._metrics, clock=monotonic)

    def take(self, quota: Quota = MANY, units: int = 100, client: str = "acme") -> Charge:
        return self.runner.run(self._quota.take(client, quota, units, now=NOON))

    def is_sharing(self) -> bool:
        return self._metrics.registry.get_sample_value("casa_shared_quota_available") == 1

    def take_seconds(self, calls: int) -> list[float]:
        return self.runner.run(self._take_seconds(calls))

    async def _take_seconds(self, calls: int) -> list[float]:
        seconds = []
        for _ in range(calls):
            begin = perf_counter()
            await self._quota.take("acme", MANY, 100, now=NOON)
            seconds.append(perf_counter() - begin)
            await asyncio.sleep(0)  # the probe gets its turn, as in a server
        return seconds

    def wait_shared(self) -> None:
        until(lambda: self.runner.run(asyncio.sleep(0.005, self.is_sharing())))

    def close(self) -> None:
        self.runner.run(self._quota.close())
        self.runner.close()


@pytest.fixture
def replica(redis_server: RedisServer) -> Iterator[Replica]:
    replica = Replica(redis_server.url)
    replica.take(client="first")
    yield replica
    redis_server.kill()
    replica.close()


def kill(server: RedisServer) -> None:
    server.kill()


def hang(server: RedisServer) -> None:
    server.signal(signal.SIGSTOP)


def fill(server: RedisServer) -> None:
    server.tell("CONFIG", "SET", "maxmemory", "1")


def freeze(server: RedisServer) -> None:
    server.tell("REPLICAOF", "127.0.0.1", "1")


def lock(server: RedisServer) -> None:
    server.kill()
    server.start("--requirepass", "unknown")


FAULTS = pytest.mark.parametrize("fault", [kill, hang, fill, freeze, lock])


@FAULTS
def test_local_counts_take_over_within_100_ms(replica: Replica, redis_server: RedisServer, fault: object) -> None:
    fault(redis_server)  # type: ignore[operator]
    begin = perf_counter()
    assert replica.take(THREE).left == 2
    assert perf_counter() - begin < 0.1
    assert not replica.is_sharing()


@FAULTS
def test_no_later_call_waits(replica: Replica, redis_server: RedisServer, fault: object) -> None:
    fault(redis_server)  # type: ignore[operator]
    replica.take()
    seconds = sorted(replica.take_seconds(30_000))
    assert seconds[-300] < 0.005, seconds[-10:]


def test_calls_at_the_same_moment_wait_together(replica: Replica, redis_server: RedisServer) -> None:
    hang(redis_server)

    async def take_all() -> float:
        begin = perf_counter()
        await asyncio.gather(*(replica._quota.take("acme", MANY, 100, now=NOON) for _ in range(200)))
        return perf_counter() - begin

    assert replica.runner.run(take_all()) < 0.1


def test_a_local_quota_is_a_quota(replica: Replica, redis_server: RedisServer) -> None:
    redis_server.kill()
    assert [replica.take(THREE).left for _ in range(3)] == [2, 1, 0]
    with pytest.raises(QuotaExceeded):
        replica.take(THREE)


def test_shared_counts_return_with_a_redis_that_goes_on(replica: Replica, redis_server: RedisServer) -> None:
    replica.take(units=200, client="other")
    hang(redis_server)
    assert replica.take(THREE).left == 2
    redis_server.signal(signal.SIGCONT)
    replica.wait_shared()
    assert replica.take(THREE, client="other").left == 0


def test_shared_counts_return_with_a_new_redis(replica: Replica, redis_server: RedisServer) -> None:
    redis_server.kill()
    replica.take()
    redis_server.start()
    replica.wait_shared()
    assert replica.take(THREE).left == 2


def test_shared_counts_return_when_there_is_room(replica: Replica, redis_server: RedisServer) -> None:
    fill(redis_server)
    replica.take()
    redis_server.tell("CONFIG", "SET", "maxmemory", "0")
    replica.wait_shared()


def test_one_line_says_it_is_gone_and_one_that_it_is_back(replica: Replica, redis_server: RedisServer) -> None:
    with capture_logs() as lines:
        hang(redis_server)
        replica.take_seconds(100)
        redis_server.signal(signal.SIGCONT)
        replica.wait_shared()
    assert [line["event"] for line in lines] == [
        "shared quota gone, each replica counts for itself",
        "shared quota back",
    ]


def test_replicas_share_one_quota(replica: Replica, redis_server: RedisServer) -> None:
    other = Replica(redis_server.url)
    assert [replica.take(THREE).left, other.take(THREE).left, replica.take(THREE).left] == [2, 1, 0]
    with pytest.raises(QuotaExceeded):
        other.take(THREE)
    other.close()


def test_many_at_once_get_exactly_the_quota(replica: Replica) -> None:
    async def take_all() -> list[Charge | BaseException]:
        calls = (replica._quota.take("acme", Quota(50, 60), 100, now=NOON) for _ in range(200))
        return await asyncio.gather(*calls, return_exceptions=True)

    answers = replica.runner.run(take_all())
    assert sum(isinstance(answer, Charge) for answer in answers) == 50
    assert replica.is_sharing()


def test_a_redis_that_is_gone_at_the_start_is_found_later(redis_server: RedisServer) -> None:
    redis_server.kill()
    replica = Replica(redis_server.url)
    assert replica.take(THREE).left == 2
    redis_server.start()
    replica.wait_shared()
    replica.close()
