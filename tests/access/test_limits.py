"""Token buckets, and what failures are counted under."""

import pytest

from gateway.access.limits import MOST_BUCKETS, TokenBuckets, network_of
from gateway.settings import Settings
from tests.access.support import Clock


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    clock = Clock()
    buckets = TokenBuckets(10, 20, clock.monotonic)
    assert [buckets.take("a") for _ in range(20)] == [0.0] * 20
    assert buckets.take("a") == pytest.approx(0.1)
    assert buckets.take("b") == 0
    clock.advance(1)
    assert [buckets.take("a") for _ in range(10)] == [0.0] * 10
    assert buckets.wait("a") == buckets.take("a") > 0
    clock.advance(1_000)
    assert [buckets.take("a") for _ in range(21)].count(0.0) == 20


def test_a_provisioning_run_of_entra_never_trips_the_defaults() -> None:
    """25 requests a second for 90 minutes, in bursts of a second's worth."""
    settings, clock = Settings(), Clock()
    buckets = TokenBuckets(settings.rate_per_second, settings.rate_burst, clock.monotonic)
    for _ in range(90 * 60):
        assert not any(buckets.take("entra") for _ in range(25))
        clock.advance(1)


def test_zero_is_off() -> None:
    buckets = TokenBuckets(0, 1)
    assert not any(buckets.take("a") or buckets.wait("a") for _ in range(1_000))


def test_only_so_many_buckets_are_kept() -> None:
    buckets = TokenBuckets(1, 1, Clock().monotonic)
    for number in range(MOST_BUCKETS + 1):
        buckets.take(str(number))
    assert buckets.take("0") == 0, "the first was dropped"
    assert buckets.take(str(MOST_BUCKETS)) > 0


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::2", "2001:db8::/64"),
        ("2001:db8:0:1::2", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("unix", "unix"),
        ("", ""),
    ],
)
def test_what_failures_are_counted_under(address: str, network: str) -> None:
    assert network_of(address) == network
