"""add_host, group_by: the run's hosts and groups, for later plays and for `groups` at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sparkbed.playbook.modules.controller.context import ActionContext, failed

# As in ansible-core, which makes variables of the other aliases.
_NAMES = ("name", "hostname", "host")
_GROUPS = ("groupname", "groups", "group")
_NO_VARIABLES = ("name", "hostname", "groupname", "groups")
_WITH_PORT = re.compile(r"(?P<name>\[[^\]]+\]|[^:]+):(?P<port>\d+)")


def add_host(args: Mapping[str, Any], context: ActionContext) -> dict[str, Any]:
    name = next((args[key] for key in _NAMES if key in args), None)
    if name is None:
        return failed("name, host or hostname needs to be provided")
    variables = {key: value for key, value in args.items() if key not in _NO_VARIABLES}
    match = _WITH_PORT.fullmatch(str(name))
    if match:
        name = match["name"].strip("[]")
        variables["ansible_ssh_port"] = int(match["port"])
    given: Any = next((args[key] for key in _GROUPS if args.get(key)), [])
    if not isinstance(given, (list, str)):
        return failed("Groups must be specified as a list.")
    listed = given if isinstance(given, list) else given.split(",")
    groups = list(dict.fromkeys(str(group).strip() for group in listed))
    changed = context.hosts.add_host(str(name), groups, variables)
    return {"changed": changed, "add_host": {"host_name": str(name), "groups": groups, "host_vars": variables}}


def group_by(args: Mapping[str, Any], context: ActionContext) -> dict[str, Any]:
    group = str(args["key"]).replace(" ", "-")
    parents = [str(parent).replace(" ", "-") for parent in args.get("parents", ["all"])]
    changed = context.hosts.add_to_group(context.host, group, parents)
    return {"changed": changed, "add_group": group, "parent_groups": parents}
