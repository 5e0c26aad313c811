"""Packets of bare hosts and of containers are told in the same words, and none is counted twice."""

from __future__ import annotations

from typing import Any

from analysis.packets import is_count, packets_sentence, packets_table, sent


def trial(**counted: float) -> dict[str, Any]:
    return {"status": "ok", "values": {f"packets.{name.replace('_', '-')}": value for name, value in counted.items()}}


BARE = trial(host_loopback=1000.0, host_localhost=700.0, host_card=20.0)
DOCKER = trial(
    host_loopback=90.0, host_veth=400.0, host_bridge=5.0, host_card=20.0, container_loopback=650.0, container_card=310.0
)


def test_bare_hosts() -> None:
    assert sent(BARE) == {"python": 700.0, "spark": 320.0, "total": 1020.0}


def test_without_the_packet_filter_the_two_are_not_told_apart() -> None:
    assert sent(trial(host_loopback=1000.0)) == {"python": None, "spark": None, "total": 1000.0}


def test_of_containers_bridges_and_the_hosts_ends_count_nothing_again() -> None:
    assert sent(DOCKER) == {"python": 650.0, "spark": 310.0, "total": 960.0}


def test_nothing_counted_is_not_zero() -> None:
    assert sent({"values": {"trial_seconds": 1.0}}) is None
    assert packets_table([{"trials": [{"status": "ok", "values": {}}]}], ["a"]) is None


def test_the_table_has_medians_and_what_was_counted_where() -> None:
    cells = [{"trials": [BARE, {"status": "failed", "values": {}}]}, {"trials": [DOCKER]}]
    found = packets_table(cells, ["bare", "docker"])
    assert found is not None
    heads, rows = found
    assert heads == ["packets sent, medians a trial", "bare", "docker"]
    by_name = {row[0]: row[1:] for row in rows}
    assert by_name["sent in all"] == ["1,020", "960"]
    assert by_name["JVM with Python"] == ["700", "650"]
    assert by_name["Spark's own"] == ["320", "310"]
    assert by_name["counted: containers' own loopbacks"] == ["–", "650"]


def test_the_sentence_names_both() -> None:
    said = packets_sentence({"trials": [DOCKER]}, {"trials": [BARE]}, ["docker", "bare"])
    assert said == (
        "Packets sent in a trial: docker 960 (650 between JVM and Python, 310 of Spark's own) "
        "and bare 1,020 (700 between JVM and Python, 320 of Spark's own)."
    )
    assert packets_sentence({"trials": [DOCKER]}, {"trials": []}, ["docker", "bare"]) is None


def test_raw_counts_are_known_by_their_names() -> None:
    assert is_count("packets.host-veth")
    assert is_count("bytes.container-card")
    assert not any(is_count(name) for name in ("trial_seconds", "packets", "packets.mine", "bytes.of-my-own"))
