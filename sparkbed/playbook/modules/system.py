"""Modules about the host itself."""

from __future__ import annotations

from sparkbed.playbook.modules.base import ModuleSpec, Option

SYSTEM = [
    ModuleSpec("ping", {"data": Option("str", default="pong")}),
]
