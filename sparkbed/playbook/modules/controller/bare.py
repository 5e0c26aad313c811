"""raw: over the connection alone, for hosts that have no Python yet."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from sparkbed.playbook.modules.controller.context import ActionContext


def raw(args: Mapping[str, Any], context: ActionContext) -> dict[str, Any]:
    """Run a line in the login shell of the host, or in `executable`."""
    if context.check:
        return {"changed": False, "skipped": True}
    line = str(args["_raw_params"])
    if args.get("executable"):
        line = shlex.join([str(args["executable"]), "-c", line])
    status, out, err = context.execute(line)
    result: dict[str, Any] = {"rc": status, "changed": True}
    for name, data in (("stdout", out), ("stderr", err)):
        result[name] = data.decode("utf-8", "replace")
        result[f"{name}_lines"] = result[name].splitlines()
    if status != 0:
        result.update(failed=True, msg="non-zero return code")
    return result
