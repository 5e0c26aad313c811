"""Modules that run programs."""

from __future__ import annotations

from sparkbed.playbook.modules.base import ModuleSpec, Option

_PRECONDITIONS = {"creates": Option("path"), "removes": Option("path"), "chdir": Option("path")}
_COMMAND = {
    "_raw_params": Option("str"),
    "cmd": Option("str"),
    **_PRECONDITIONS,
    "stdin": Option("str"),
    "stdin_add_newline": Option("bool", default=True),
}

COMMANDS = [
    ModuleSpec(
        "command",
        {
            **_COMMAND,
            "argv": Option("list"),
            "expand_argument_vars": Option("bool", default=True),
            "strip_empty_ends": Option("bool", default=True),
        },
        free_form=True,
        exclusive=(("_raw_params", "cmd", "argv"),),
        one_of=(("_raw_params", "cmd", "argv"),),
    ),
    ModuleSpec(
        "shell",
        {**_COMMAND, "executable": Option("path", default="/bin/sh")},
        free_form=True,
        exclusive=(("_raw_params", "cmd"),),
        one_of=(("_raw_params", "cmd"),),
    ),
    ModuleSpec(
        "script",
        {
            "_raw_params": Option("str"),
            "cmd": Option("str"),
            **_PRECONDITIONS,
            "executable": Option("str"),
        },
        free_form=True,
        runs_on="controller",
        loops_together=False,
        exclusive=(("_raw_params", "cmd"),),
        one_of=(("_raw_params", "cmd"),),
    ),
    ModuleSpec(
        "raw",
        {"_raw_params": Option("str", required=True), "executable": Option("path")},
        free_form=True,
        runs_on="controller",
        loops_together=False,
        check="skipped",
    ),
]
