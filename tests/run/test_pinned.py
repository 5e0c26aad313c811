"""A trial that ran with something else than its cell asks for is told, and so is one that nothing is known of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from sparkbed import platforms
from sparkbed.run.jvms import Jvm
from sparkbed.run.pinned import Asked, otherwise

MIB = 1024**2

SETTINGS = platforms.get("docker").resolve(
    {
        "driver_memory": "64m",
        "worker_memory": "96m",
        "spark.locality.wait": "0s",
        "spark.executor.extraJavaOptions": "-Xss1m",
    }
)
ASKED = Asked(SETTINGS, executors=2)


def jvm(name: str, **other: Any) -> Jvm:
    heap = (64 if name == "driver" else 96) * MIB
    return replace(Jvm(name, "17", "G1", 4, 4, heap, 0, 0.0), **other)


JVMS = (jvm("driver"), jvm("worker-1/0"), jvm("worker-2/1"))

APPLICATION: Mapping[str, Any] = {
    "executors": [{"id": "0", "host": "10.0.0.1", "cores": 1}, {"id": "1", "host": "10.0.0.2", "cores": 1}],
    "properties": {"spark.locality.wait": "0s", "spark.executor.extraJavaOptions": "-XX:+UseG1GC -Xss1m"},
}


def test_what_was_asked_for_is_nothing_to_tell() -> None:
    assert otherwise(JVMS, APPLICATION, ASKED) is None
    # Without an event log, and for a program that waits for no executor, there is less to compare.
    assert otherwise(JVMS, {}, ASKED) is None
    assert otherwise(JVMS[:1], {}, Asked(SETTINGS)) is None


@pytest.mark.parametrize(
    ("jvms", "told"),
    [
        ((), "the driver left no GC log of Java 17 or later"),
        (JVMS[1:], "the driver left no GC log of Java 17 or later"),
        (JVMS[:2], "executor 1 on 10.0.0.2 left no GC log of Java 17 or later"),
        ((*JVMS, jvm("worker-2/2")), "3 executors left GC logs where the cell has 2 executors"),
        (
            (*JVMS[:2], jvm("worker-2/1", heap=128 * MIB)),
            "the JVM of worker-2/1 has a heap of 128 MiB where executor_memory is 96m",
        ),
        (
            (jvm("driver", collector="Serial"), *JVMS[1:]),
            "the JVM of driver runs the Serial collector where gc is G1",
        ),
        (
            (*JVMS[:2], jvm("worker-2/1", processors=1)),
            "the JVM of worker-2/1 sees 1 processors where the cell gives it 4",
        ),
    ],
)
def test_other_jvms_are_told(jvms: tuple[Jvm, ...], told: str) -> None:
    assert (otherwise(jvms, APPLICATION, ASKED) or "").startswith(told)


def test_a_collector_that_the_jvm_chooses_is_pinned_by_nobody() -> None:
    serial = (jvm("driver", collector="Serial"), *JVMS[1:])
    assert otherwise(serial, APPLICATION, replace(ASKED, settings={**SETTINGS, "gc": "JVM"})) is None


def test_an_executor_that_no_event_log_names_is_missed_all_the_same() -> None:
    assert otherwise(JVMS[:2], {}, ASKED) == "1 executors left GC logs where the cell has 2 executors"


def test_limited_executors_see_their_limit_and_no_more() -> None:
    limited = (JVMS[0], jvm("worker-1/0", processors=2), jvm("worker-2/1", processors=2))
    assert otherwise(limited, APPLICATION, replace(ASKED, processor_limit=2)) is None
    assert otherwise(JVMS, APPLICATION, replace(ASKED, processor_limit=2)) == (
        "the JVM of worker-1/0 sees 4 processors where the cell gives it 2"
    )
    # A limit above what the machine has is none; another machine has other processors.
    assert otherwise(JVMS, APPLICATION, replace(ASKED, processor_limit=8)) is None
    assert otherwise((*JVMS[:2], jvm("worker-2/1", machine=8, processors=8)), APPLICATION, ASKED) is None


def test_processors_that_the_cell_sets_itself_are_its_own_affair() -> None:
    own = {**SETTINGS["spark_properties"], "spark.executor.extraJavaOptions": "-XX:ActiveProcessorCount=2"}
    jvms = (JVMS[0], jvm("worker-1/0", processors=2), jvm("worker-2/1", processors=2))
    assert otherwise(jvms, {}, replace(ASKED, settings={**SETTINGS, "spark_properties": own})) is None


@pytest.mark.parametrize(
    ("application", "told"),
    [
        (
            {"executors": [APPLICATION["executors"][0], {"id": "1", "host": "10.0.0.2", "cores": 2}]},
            "executor 1 has 2 cores where executor_cores is 1",
        ),
        (
            {"properties": {**APPLICATION["properties"], "spark.locality.wait": "3s"}},
            "Spark ran with spark.locality.wait=3s where the cell has spark.locality.wait=0s",
        ),
        (
            {"properties": {"spark.locality.wait": "0s", "spark.executor.extraJavaOptions": "-XX:+UseG1GC"}},
            "Spark ran with spark.executor.extraJavaOptions=-XX:+UseG1GC "
            "where the cell has spark.executor.extraJavaOptions=-Xss1m",
        ),
    ],
)
def test_what_sparks_own_log_says_otherwise_is_told(application: Mapping[str, Any], told: str) -> None:
    assert otherwise(JVMS, {**APPLICATION, **application}, ASKED) == told


def test_secrets_and_what_the_launch_sets_are_not_compared() -> None:
    wanted = {"spark.my.password": "geheim", "spark.eventLog.enabled": "false"}
    had = {"spark.my.password": "*********(redacted)", "spark.eventLog.enabled": "true"}
    asked = Asked({**SETTINGS, "spark_properties": wanted}, 2, launched=["spark.eventLog.enabled"])
    assert otherwise(JVMS, {**APPLICATION, "properties": had}, asked) is None


@pytest.mark.parametrize(
    ("settings", "limit"),
    [
        ({}, None),
        ({"worker_cpus": "1.5"}, 2),
        ({"worker_cpuset": "0-1,1,3"}, 3),
        ({"worker_cpus": "1", "worker_cpuset": "0-3"}, 1),
    ],
)
def test_limits_of_containers(settings: Mapping[str, Any], limit: int | None) -> None:
    docker = platforms.get("docker")
    assert docker.processor_limit(docker.resolve(settings)) == limit
