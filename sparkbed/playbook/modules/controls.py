"""Modules that steer the play and touch no host."""

from __future__ import annotations

from sparkbed.playbook.modules.base import ModuleSpec, Option

CONTROLS = [
    ModuleSpec(
        "debug",
        {
            "msg": Option("raw", default="Hello world!"),
            "var": Option("raw"),
            "verbosity": Option("int", default=0),
        },
        runs_on="controller",
        loops_together=False,
        exclusive=(("msg", "var"),),
    ),
    ModuleSpec(
        "assert",
        {
            "that": Option("raw", required=True),
            "fail_msg": Option("raw", aliases=("msg",)),
            "success_msg": Option("raw"),
            "quiet": Option("bool", default=False),
        },
        runs_on="controller",
        loops_together=False,
    ),
    ModuleSpec(
        "fail",
        {"msg": Option("raw", default="Failed as requested from task")},
        runs_on="controller",
        loops_together=False,
    ),
    ModuleSpec(
        "set_fact",
        {"cacheable": Option("bool", default=False)},
        runs_on="controller",
        loops_together=False,
        any_options=True,
    ),
    ModuleSpec(
        "add_host",
        {
            "name": Option("str", aliases=("host", "hostname")),
            "groups": Option("list", aliases=("group", "groupname")),
        },
        runs_on="controller",
        loops_together=False,
        once=True,
        any_options=True,
    ),
    ModuleSpec(
        "group_by",
        {"key": Option("str", required=True), "parents": Option("list", default=["all"])},
        runs_on="controller",
        loops_together=False,
    ),
    ModuleSpec(
        "pause",
        {
            "seconds": Option("int"),
            "minutes": Option("int"),
            "prompt": Option("str"),
            "echo": Option("bool", default=True),
        },
        runs_on="controller",
        loops_together=False,
        once=True,
        exclusive=(("minutes", "seconds"),),
    ),
    ModuleSpec(
        "wait_for_connection",
        {
            "timeout": Option("int", default=600),
            "delay": Option("int", default=0),
            "sleep": Option("int", default=1),
            "connect_timeout": Option("int", default=5),
        },
        runs_on="controller",
        loops_together=False,
        check="skipped",
    ),
]
