"""How many packets a host sent to itself at 127.0.0.1: what PySpark's JVMs and Python tell each other on bare hosts.

Spark's own packets between daemons on one machine go over the loopback interface too, but by the nodes' addresses. With
containers the two are apart already: the one on each container's own loopback interface, the other on its network.
"""

from __future__ import annotations

import json

from sparkbed.collectors.base import Collected
from sparkbed.collectors.scripts import ScriptCollector
from sparkbed.model import Sample


class TrafficCollector(ScriptCollector):
    """Needs root and iptables at each place; it says so where they are missing."""

    def __init__(self) -> None:
        super().__init__("traffic", ["lifetime.py", "traffic_counter.py"], lambda _: [], read)


def read(output: bytes, host: str) -> Collected:  # noqa: ARG001  # a trial's total does not say where
    """What the counter printed.

    Raises:
        ValueError: when it is something else.
    """
    counted = json.loads(output)
    return Collected(
        samples=(
            Sample("packets.host-localhost", float(counted["packets"]), "packets"),
            Sample("bytes.host-localhost", float(counted["bytes"]), "B"),
        )
    )
