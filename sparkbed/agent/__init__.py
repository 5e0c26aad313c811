"""The streamed agent: its source that runs on the hosts (`host/`), how it is sent (`program`), how it is talked to (`client`)."""

from __future__ import annotations

from sparkbed.agent.client import Agent, Finished, Unreachable, Wire

__all__ = ["Agent", "Finished", "Unreachable", "Wire"]
