"""What an engine says a container uses, read from what engines of both kinds of cgroups answer."""

from datetime import UTC, datetime

from runners.load import sample_of

READ = "2026-03-02T12:00:00.123456789Z"
V2 = {
    "read": READ,
    "cpu_stats": {"cpu_usage": {"total_usage": 12_500_000_000}},
    "memory_stats": {"usage": 300 << 20, "stats": {"inactive_file": 100 << 20}, "limit": 1 << 30},
}


def test_cpu_seconds_and_memory_without_what_the_kernel_may_take_back():
    sample = sample_of(V2)

    assert sample is not None
    assert (sample.cpu, sample.memory) == (12.5, 200 << 20)
    assert sample.at == datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)


def test_the_older_cgroups_name_it_differently():
    memory = {"usage": 300 << 20, "stats": {"total_inactive_file": 50 << 20}}

    sample = sample_of(V2 | {"memory_stats": memory})

    assert sample is not None
    assert sample.memory == 250 << 20


def test_a_container_that_does_not_run_has_none():
    stopped = {
        "read": "0001-01-01T00:00:00Z",
        "cpu_stats": {"cpu_usage": {"total_usage": 0}},
        "memory_stats": {},
    }

    assert sample_of(stopped) is None
    assert sample_of({}) is None
