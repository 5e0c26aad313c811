"""How long hosts took to come up, as samples of a trial: from the API call to their registration with Spark's master.

Each host is an iteration of the trial, so that a trial's number is the median host, and the distribution is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from sparkbed.errors import HostError
from sparkbed.model import Machine, Sample
from sparkbed.platforms.base import Cluster

if TYPE_CHECKING:
    from sparkbed.remote import Agent

STEPS = {"api": "node_api_seconds", "running": "node_running_seconds", "ssh": "node_ssh_seconds"}
"""A host's timings (see model.Machine) and the metrics that they become."""
REGISTERED = "node_registered_seconds"
LAST = {"node_ssh_seconds": "all_ssh_seconds", REGISTERED: "all_registered_seconds"}
"""What the slowest host makes of a metric: the time until all were so far."""

_READ = r"""
[ -r "$1/logs/master.log" ] || { echo "there is no $1/logs/master.log" >&2; exit 1; }
line='^\([0-9/]* [0-9:.]*\) INFO Master: Registering worker \([^ ]*\):[0-9]* with .*'
sed -n "s!$line!20\1 \2!p" "$1/logs/master.log" |
while read -r day time address; do echo "$address $(date -d "$day $time" +%s.%N)"; done
"""
"""Prints a worker's address and when it registered, in Unix seconds by the master's clock: its log has local time."""


def registrations(agent: Agent, cluster: Cluster) -> dict[str, float]:
    """When each worker registered, by its address, in Unix seconds; read from the master's log on `agent`'s host.

    Raises:
        HostError: when the log can't be read.
    """
    [answer] = agent.call("command", [{"argv": ["sh", "-c", _READ, "sh", cluster.folder]}])
    if answer.get("failed") or answer.get("rc"):
        raise HostError(f"the master's log can't be read: {answer.get('stderr') or answer.get('msg')}")
    lines = (line.split() for line in str(answer["stdout"]).splitlines())
    return {address: float(moment) for address, moment in lines}


def samples(machines: Iterable[Machine], registered: Mapping[str, float]) -> list[Sample]:
    """The hosts' timings as samples; `registered` is by host (Unix seconds), and need not have them all."""
    made = [machine for machine in machines if machine.asked is not None]
    found: list[Sample] = []
    for number, machine in enumerate(made, 1):
        for step, metric in STEPS.items():
            if step in machine.timings:
                found.append(Sample(metric, machine.timings[step], "s", number))
        if machine.name in registered and machine.asked is not None:
            found.append(Sample(REGISTERED, registered[machine.name] - machine.asked, "s", number))
    for metric, last in LAST.items():
        values = [one.value for one in found if one.metric == metric]
        if values:
            found.append(Sample(last, max(values), "s"))
    return found
