"""What brings further tasks, roles and variables into a play."""

from __future__ import annotations

from sparkbed.playbook.modules.base import ModuleSpec, Option

_ROLE = {
    "name": Option("str", aliases=("role",)),
    "tasks_from": Option("str"),
    "vars_from": Option("str"),
    "defaults_from": Option("str"),
    "handlers_from": Option("str"),
    "public": Option("bool"),
    "allow_duplicates": Option("bool", default=True),
    "rolespec_validate": Option("bool", default=True),
}

INCLUSION = [
    ModuleSpec(
        "validate_argument_spec",
        {
            "argument_spec": Option("dict", required=True),
            "provided_arguments": Option("dict"),
            "validate_args_context": Option("dict"),
        },
        runs_on="controller",
        loops_together=False,
    ),
    ModuleSpec(
        "include_tasks",
        {"_raw_params": Option("str"), "file": Option("str"), "apply": Option("raw")},
        free_form=True,
        runs_on="controller",
        loops_together=False,
    ),
    ModuleSpec(
        "include_role",
        {**_ROLE, "apply": Option("raw")},
        runs_on="controller",
        loops_together=False,
        one_of=(("name",),),
    ),
    ModuleSpec("import_role", _ROLE, runs_on="controller", loops_together=False, one_of=(("name",),)),
    ModuleSpec(
        "include_vars",
        {
            "_raw_params": Option("str"),
            "file": Option("path"),
            "dir": Option("path"),
            "name": Option("str"),
            "depth": Option("int", default=0),
            "files_matching": Option("str"),
            "ignore_files": Option("raw"),
            "ignore_unknown_extensions": Option("bool", default=False),
            "extensions": Option("raw", default=["yaml", "yml", "json"]),
            "hash_behaviour": Option(choices=("replace", "merge")),
        },
        free_form=True,
        runs_on="controller",
        loops_together=False,
        one_of=(("_raw_params", "file", "dir"),),
    ),
]
