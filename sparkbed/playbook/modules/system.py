"""Modules about the host itself."""

from __future__ import annotations

from sparkbed.playbook.modules.base import ModuleSpec, Option

SYSTEM = [
    ModuleSpec("ping", {"data": Option("str", default="pong")}),
    ModuleSpec(
        "setup",
        {
            "gather_subset": Option("list", default=["all"]),
            "filter": Option("list", default=[]),
            "gather_timeout": Option("int", default=10),
        },
    ),
]
