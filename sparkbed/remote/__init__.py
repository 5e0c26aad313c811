"""Hosts, wherever they are: one connection a host, on it one agent for each user, bulk files and interactive shells.

Host keys are always checked against known ones; nothing is trusted on first use. Round trips are what remote work
costs, so the agent's messages go over one channel, and Nagle's algorithm is off before the first byte: it would add
40 ms to each exchange.
"""

from __future__ import annotations

from sparkbed.agent import Agent, Finished, Unreachable
from sparkbed.remote.connections import Connections

__all__ = ["Agent", "Connections", "Finished", "Unreachable"]
