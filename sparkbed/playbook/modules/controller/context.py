"""What a controller-side module may ask of the play, and the shape of its failure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from sparkbed.agent import Agent
from sparkbed.playbook.hosts import Hosts


class ActionContext(Protocol):
    """What a controller-side module needs of the play, for one host and one loop item."""

    @property
    def host(self) -> str:
        """The host's inventory name."""

    @property
    def agent(self) -> Agent:
        """The host's agent for the task's become user; started when first asked for."""

    @property
    def check(self) -> bool:
        """Check mode: foretell, change nothing."""

    @property
    def diff(self) -> bool:
        """Results shall have a `diff`."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The task's `environment`."""

    @property
    def folders(self) -> list[Path]:
        """Where relative names of the controller start from; the playbook's own folder is the last."""

    @property
    def hosts(self) -> Hosts:
        """The hosts of the run, which can be added to."""

    @property
    def reset(self) -> Callable[[], None]:
        """Ends what is open to where the task acts; the next use of `agent` connects anew."""

    def evaluate(self, expression: str) -> Any:
        """The value of a Jinja2 expression. Raises SparkbedError when a name in it is undefined."""

    def conditions(self, raw: Any) -> list[Any]:
        """The conditions of an option: one, a list, or a template of one or a list."""

    def shown(self, expression: str) -> Any:
        """The value of an expression in which a text stands for each part that is undefined."""

    def conditional(self, expression: Any) -> bool:
        """Whether a condition, as `when` takes it, holds. Raises SparkbedError when it can't be told."""

    def execute(self, line: str) -> tuple[int, bytes, bytes]:
        """Run a shell line on the host without its agent: exit status, stdout, stderr.

        Raises:
            Unreachable: when the host can't be reached, or the connection was lost.
        """

    def progress(self, name: str, sent: int, total: int) -> None:
        """Tell that `sent` of `total` bytes of a file are on their way to the host; all of them at the end."""

    def find_file(self, kind: str, name: str) -> Path:
        """A file or directory of the controller, sought as Ansible does; `kind` is `files` or `templates`.

        Raises SparkbedError naming the places looked at.
        """

    def variable(self, name: str) -> Any:
        """The value of a variable; None if nothing defines it."""

    def has_variable(self, name: str) -> bool:
        """Whether something defines the variable."""

    def variables_folder(self, name: str) -> Path:
        """The folder that include_vars means by `dir`; need not be there."""

    def render_file(self, path: Path, dest: str = "", **options: Any) -> str:
        """A template file's text, rendered; `options` are Jinja's delimiters and trimming, `newline_sequence` too."""


def failed(msg: Any, **more: Any) -> dict[str, Any]:
    """A failed result."""
    return {"failed": True, "changed": False, "msg": msg, **more}


def call_agent(context: ActionContext, module: str, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return context.agent.call(module, items, check=context.check, diff=context.diff, environment=context.environment)


def upload(context: ActionContext, path: Path, beside: str) -> str:
    """Send a large file to the host, telling how far it is; see `Agent.upload`."""
    total = path.stat().st_size
    try:
        return context.agent.upload(path, beside, lambda sent, _: context.progress(path.name, sent, total))
    finally:
        context.progress(path.name, total, total)
