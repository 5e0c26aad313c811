"""An Ansible callback that writes every task's result as a line of JSON to the file named by RECORD_RESULTS."""

import json
import os
from pathlib import Path

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: record_results
type: notification
short_description: every task's result as a line of JSON
description: For the comparison with sparkbed's own playbook engine.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "record_results"
    CALLBACK_NEEDS_ENABLED = True

    def _write(self, status, result):
        data = getattr(result, "result", None) or result._result
        task = getattr(result, "task", None) or result._task
        host = getattr(result, "host", None) or result._host
        line = {"host": host.get_name(), "task": task.get_name().strip(), "status": status, "result": data}
        with Path(os.environ["RECORD_RESULTS"]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, default=str) + "\n")

    def v2_runner_on_ok(self, result):
        data = getattr(result, "result", None) or result._result
        self._write("changed" if data.get("changed") else "ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._write("failed", result)

    def v2_runner_on_skipped(self, result):
        self._write("skipped", result)

    def v2_runner_on_unreachable(self, result):
        self._write("unreachable", result)

    def v2_playbook_on_stats(self, stats):
        recap = {host: stats.summarize(host) for host in stats.processed}
        with Path(os.environ["RECORD_RESULTS"]).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"recap": recap}) + "\n")
