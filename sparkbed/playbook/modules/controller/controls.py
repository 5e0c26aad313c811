"""debug, assert, fail, set_fact: no host is touched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sparkbed.playbook.modules.controller.context import ActionContext, failed


def debug(args: Mapping[str, Any], context: ActionContext) -> dict[str, Any]:
    # A context that knows no -v is one that got none.
    if int(args.get("verbosity", 0)) > int(getattr(context, "verbosity", 0)):
        return {"changed": False, "skipped": True, "skipped_reason": "Verbosity threshold not met."}
    if "var" not in args:
        return {"changed": False, "msg": args.get("msg", "Hello world!")}
    expression = args["var"]
    if not isinstance(expression, str):  # a template that stood there is resolved to its value by now
        return {"changed": False, str(type(expression)): expression}
    return {"changed": False, expression: context.shown(expression)}


def assert_(args: Mapping[str, Any], context: ActionContext) -> dict[str, Any]:
    for name in ("fail_msg", "success_msg"):
        said = args.get(name, "")
        if not all(isinstance(one, str) for one in (said if isinstance(said, list) else [said])):
            return failed(f"{name} must be a text or a list of texts, not {said!r}")
    conditions = context.conditions(args["that"])
    quiet = bool(args.get("quiet"))
    for condition in conditions:
        if context.conditional(condition):
            continue
        result = failed(args.get("fail_msg", "Assertion failed"), evaluated_to=False)
        return result if quiet else {**result, "assertion": condition}
    return {"changed": False, "msg": args.get("success_msg", "All assertions passed")}


def fail(args: Mapping[str, Any], _context: ActionContext) -> dict[str, Any]:
    return failed(args.get("msg", "Failed as requested from task"))


_JINJA = frozenset(["False", "None", "True", "false", "none", "not", "true"])
"""Words that are no names in templates."""


def set_fact(args: Mapping[str, Any], _context: ActionContext) -> dict[str, Any]:
    facts = {name: value for name, value in args.items() if name != "cacheable"}
    if not facts:
        return failed("No key/value pairs provided, at least one is required for this action to succeed")
    for name in facts:
        if not (isinstance(name, str) and name.isascii() and name.isidentifier()) or name in _JINJA:
            rule = "It must be letters, digits and underscores, begin with no digit, and be no word of Jinja's."
            return failed(f"The variable name {name!r} is not valid. {rule}")
    return {"changed": False, "ansible_facts": facts}
