"""Packets of bare hosts and of containers are told in the same words, and none is counted twice."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.packets import is_count, packets_sentence, packets_table, sent


def trial(**counted: float) -> dict[str, Any]:
    return {"status": "ok", "values": {f"packets.{name.replace('_', '-')}": value for name, value in counted.items()}}


def cell(platform: str, *trials: dict[str, Any], **settings: str) -> dict[str, Any]:
    return {"platform": platform, "settings": settings, "trials": list(trials)}


BARE = trial(host_loopback=1000.0, host_localhost=700.0, host_card=20.0)
DOCKER = trial(
    host_loopback=90.0, host_veth=400.0, host_bridge=5.0, host_card=20.0, container_loopback=650.0, container_card=310.0
)
BLIND = trial(host_loopback=13.0, host_localhost=2.0, host_veth=1500.0, host_bridge=5.0, host_card=20.0)
"""A trial in containers whose containers were not counted: what the paper looked at."""

ON_BARE, IN_DOCKER = cell("standalone", BARE), cell("docker", DOCKER)


def test_bare_hosts() -> None:
    assert sent(ON_BARE, BARE) == {"python": 700.0, "spark": 320.0, "total": 1020.0}


def test_without_the_packet_filter_the_two_are_not_told_apart() -> None:
    assert sent(ON_BARE, trial(host_loopback=1000.0)) == {"python": None, "spark": None, "total": 1000.0}


def test_of_containers_bridges_and_the_hosts_ends_count_nothing_again() -> None:
    assert sent(IN_DOCKER, DOCKER) == {"python": 650.0, "spark": 310.0, "total": 960.0}


def test_containers_that_were_not_counted_are_not_taken_for_bare_processes() -> None:
    blind = cell("docker", BLIND)
    assert sent(blind, BLIND) == {"python": None, "spark": None, "total": None}
    found = packets_table([ON_BARE, blind], ["bare", "docker"])
    assert found is not None
    assert {row[0]: row[1:] for row in found[1]}["sent in all"] == ["1,020", "–"]
    said = packets_sentence(blind, ON_BARE, ["docker", "bare"])
    assert said == (
        "Packets sent in a trial: docker: not counted where they ran "
        "and bare 1,020 (700 between JVM and Python, 320 of Spark's own)."
    )


def test_a_trial_that_was_not_counted_stays_out_of_its_cells_median_and_is_told() -> None:
    found = packets_table([cell("docker", DOCKER, BLIND, DOCKER)], ["docker"])
    assert found is not None
    assert {row[0]: row[1] for row in found[1]}["sent in all"] == "960 (2 of 3 trials)"


def test_containers_on_the_hosts_network_are_counted_as_bare_processes_are() -> None:
    own = cell("docker", BARE, docker_network="host")
    assert sent(own, BARE) == sent(ON_BARE, BARE)


def test_a_driver_on_the_host_sends_through_the_bridge_and_to_its_python() -> None:
    counted = trial(
        host_loopback=900.0, host_localhost=800.0, host_veth=400.0, host_bridge=120.0,
        container_loopback=650.0, container_card=310.0,
    )  # fmt: skip
    outside = cell("docker", counted, driver_in="host")
    assert sent(outside, counted) == {"python": 1450.0, "spark": 430.0, "total": 1880.0}
    assert sent(outside, trial(container_loopback=650.0, container_card=310.0)) == {
        "python": None, "spark": None, "total": None,
    }  # fmt: skip


def test_nothing_counted_is_not_zero() -> None:
    nothing = {"status": "ok", "values": {"trial_seconds": 1.0}}
    assert sent(ON_BARE, nothing) is None
    assert packets_table([cell("standalone", nothing)], ["a"]) is None


@pytest.mark.parametrize("platform", ["standalone", "docker"])
def test_what_only_the_packet_filter_counted_has_no_total(platform: str) -> None:
    only = trial(host_localhost=7.0)
    found = sent(cell(platform, only), only)
    assert found is not None
    assert found["total"] is None


def test_the_table_has_medians_and_what_was_counted_where() -> None:
    failed = {"status": "failed", "values": {}}
    found = packets_table([cell("standalone", BARE, failed), IN_DOCKER], ["bare", "docker"])
    assert found is not None
    heads, rows = found
    assert heads == ["packets sent, medians a trial", "bare", "docker"]
    by_name = {row[0]: row[1:] for row in rows}
    assert by_name["sent in all"] == ["1,020", "960"]
    assert by_name["JVM with Python"] == ["700", "650"]
    assert by_name["Spark's own"] == ["320", "310"]
    assert by_name["counted: containers' own loopbacks"] == ["–", "650"]


def test_the_sentence_names_both() -> None:
    said = packets_sentence(IN_DOCKER, ON_BARE, ["docker", "bare"])
    assert said == (
        "Packets sent in a trial: docker 960 (650 between JVM and Python, 310 of Spark's own) "
        "and bare 1,020 (700 between JVM and Python, 320 of Spark's own)."
    )
    assert packets_sentence(IN_DOCKER, cell("standalone"), ["docker", "bare"]) is None


def test_raw_counts_are_known_by_their_names() -> None:
    assert is_count("packets.host-veth")
    assert is_count("bytes.container-card")
    assert not any(is_count(name) for name in ("trial_seconds", "packets", "packets.mine", "bytes.of-my-own"))
