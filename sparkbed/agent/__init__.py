"""The streamed agent.

host/      what runs on the hosts: the loop, the modules, long runs
program    how it is sent and started
client     how it is talked to
"""

from __future__ import annotations

from sparkbed.agent.client import Agent, Finished, Unreachable, Wire

__all__ = ["Agent", "Finished", "Unreachable", "Wire"]
