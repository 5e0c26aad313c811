"""Modules that act on files and their text."""

from __future__ import annotations

from sparkbed.playbook.modules.base import ATTRIBUTES, WRITING, ModuleSpec, Option

FILES = [
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
            **ATTRIBUTES,
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
            **WRITING,
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
            **WRITING,
        },
        runs_on="controller",
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
            **WRITING,
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
]
