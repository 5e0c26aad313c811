"""The modules of the subset.

Their options stand here, their work on hosts in `sparkbed.agent.host`, that on the controller in `controller`.
"""

from __future__ import annotations

from sparkbed.playbook.modules.base import ArgumentError, ModuleSpec, Option, check_arguments, coerce, is_template

__all__ = ["SPECS", "ArgumentError", "ModuleSpec", "Option", "check_arguments", "coerce", "is_template", "resolve"]

_ATTRIBUTES = {"mode": Option("mode"), "owner": Option("str"), "group": Option("str")}
# A rename within a folder is atomic, so nothing needs to be unsafe; the option is accepted for Ansible's sake.
_WRITING = {
    **_ATTRIBUTES,
    "backup": Option("bool", default=False),
    "validate": Option("str"),
    "unsafe_writes": Option("bool", default=False),
}
_PRECONDITIONS = {"creates": Option("path"), "removes": Option("path"), "chdir": Option("path")}
_COMMAND = {
    "_raw_params": Option("str"),
    "cmd": Option("str"),
    **_PRECONDITIONS,
    "stdin": Option("str"),
    "stdin_add_newline": Option("bool", default=True),
}

_ALL = [
    ModuleSpec(
        "file",
        {
            "path": Option("path", required=True, aliases=("dest", "name")),
            "state": Option(choices=("absent", "directory", "file", "hard", "link", "touch")),
            "src": Option("path"),
            "recurse": Option("bool", default=False),
            "force": Option("bool", default=False),
            "follow": Option("bool", default=True),
            "access_time": Option("str"),
            "access_time_format": Option("str", default="%Y%m%d%H%M.%S"),
            "modification_time": Option("str"),
            "modification_time_format": Option("str", default="%Y%m%d%H%M.%S"),
            "unsafe_writes": Option("bool", default=False),
            **_ATTRIBUTES,
        },
    ),
    ModuleSpec(
        "copy",
        {
            "src": Option("path"),
            "content": Option("raw"),
            "dest": Option("path", required=True),
            "remote_src": Option("bool", default=False),
            "force": Option("bool", default=True, aliases=("thirsty",)),
            "follow": Option("bool", default=False),
            "local_follow": Option("bool", default=True),
            "directory_mode": Option("mode"),
            **_WRITING,
        },
        runs_on="controller",
        exclusive=(("src", "content"),),
        one_of=(("src", "content"),),
    ),
    ModuleSpec(
        "template",
        {
            "src": Option("path", required=True),
            "dest": Option("path", required=True),
            "force": Option("bool", default=True),
            "follow": Option("bool", default=False),
            "newline_sequence": Option(default="\n", choices=("\n", "\r", "\r\n", "\\n", "\\r", "\\r\\n")),
            "trim_blocks": Option("bool", default=True),
            "lstrip_blocks": Option("bool", default=False),
            "block_start_string": Option("str", default="{%"),
            "block_end_string": Option("str", default="%}"),
            "variable_start_string": Option("str", default="{{"),
            "variable_end_string": Option("str", default="}}"),
            "comment_start_string": Option("str", default="{#"),
            "comment_end_string": Option("str", default="#}"),
            **_WRITING,
        },
        runs_on="controller",
    ),
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
        "stat",
        {
            "path": Option("path", required=True, aliases=("dest", "name")),
            "follow": Option("bool", default=False),
            "get_checksum": Option("bool", default=True),
            "checksum_algorithm": Option(
                default="sha1",
                choices=("md5", "sha1", "sha224", "sha256", "sha384", "sha512"),
                aliases=("checksum", "checksum_algo"),
            ),
            # Ansible starts two programs for these at every stat; here only when asked for.
            "get_mime": Option("bool", default=False, aliases=("mime", "mime_type", "mime-type")),
            "get_attributes": Option("bool", default=False, aliases=("attr", "attributes")),
        },
    ),
    ModuleSpec(
        "wait_for",
        {
            "host": Option("str", default="127.0.0.1"),
            "port": Option("int"),
            "path": Option("path"),
            "state": Option(default="started", choices=("absent", "drained", "present", "started", "stopped")),
            "search_regex": Option("str"),
            "timeout": Option("int", default=300),
            "connect_timeout": Option("int", default=5),
            "delay": Option("int", default=0),
            "sleep": Option("int", default=1),
            "msg": Option("str"),
        },
        check="skipped",
        exclusive=(("port", "path"),),
    ),
    ModuleSpec(
        "uri",
        {
            "url": Option("str", required=True),
            "method": Option("str", default="GET"),
            "body": Option("raw"),
            "body_format": Option(default="raw", choices=("form-urlencoded", "json", "raw")),
            "src": Option("path"),
            "status_code": Option("list", default=[200]),
            "return_content": Option("bool", default=False),
            "headers": Option("dict"),
            "timeout": Option("int", default=30),
            "follow_redirects": Option(default="safe", choices=("all", "no", "none", "safe", "urllib2", "yes")),
            "validate_certs": Option("bool", default=True),
            "use_proxy": Option("bool", default=True),
            "url_username": Option("str", aliases=("user",)),
            "url_password": Option("str", aliases=("password",)),
            "force_basic_auth": Option("bool", default=False),
            "http_agent": Option("str"),
            "dest": Option("path"),
            "creates": Option("path"),
            "removes": Option("path"),
            **_ATTRIBUTES,
        },
        check="skipped",
        exclusive=(("body", "src"),),
    ),
    ModuleSpec(
        "fetch",
        {
            "src": Option("path", required=True),
            "dest": Option("path", required=True),
            "flat": Option("bool", default=False),
            "fail_on_missing": Option("bool", default=True),
            "validate_checksum": Option("bool", default=True),
        },
        runs_on="controller",
        loops_together=False,
        check="skipped",
    ),
    ModuleSpec("slurp", {"src": Option("path", required=True, aliases=("path",))}),
    ModuleSpec("ping", {"data": Option("str", default="pong")}),
    ModuleSpec(
        "lineinfile",
        {
            "path": Option("path", required=True, aliases=("dest", "destfile", "name")),
            "line": Option("str", aliases=("value",)),
            "regexp": Option("str", aliases=("regex",)),
            "search_string": Option("str"),
            "state": Option(default="present", choices=("absent", "present")),
            "backrefs": Option("bool", default=False),
            "insertafter": Option("str"),
            "insertbefore": Option("str"),
            "create": Option("bool", default=False),
            "firstmatch": Option("bool", default=False),
            **_WRITING,
        },
        exclusive=(("insertafter", "insertbefore"), ("regexp", "search_string"), ("backrefs", "search_string")),
    ),
    ModuleSpec(
        "tempfile",
        {
            "state": Option(default="file", choices=("directory", "file")),
            "path": Option("path"),
            "prefix": Option("str", default="ansible."),
            "suffix": Option("str", default=""),
        },
        check="skipped",
    ),
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
        {"msg": Option("str", default="Failed as requested from task")},
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
]

SPECS: dict[str, ModuleSpec] = {spec.name: spec for spec in _ALL}
"""Every module of the subset, by its short name."""

_COLLECTIONS = ("ansible.builtin.", "ansible.legacy.")


def resolve(name: str) -> ModuleSpec | None:
    """The module of a short or full name (`copy`, `ansible.builtin.copy`); None when it is not in the subset."""
    for collection in _COLLECTIONS:
        if name.startswith(collection):
            name = name[len(collection) :]
    return SPECS.get(name)
