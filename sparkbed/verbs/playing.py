"""`inv play`: one playbook on an inventory's hosts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sparkbed import documents
from sparkbed.errors import UsageError
from sparkbed.home import Home
from sparkbed.playbook import Runner, rendered_connection_variables
from sparkbed.playbook.output import Terminal
from sparkbed.remote import Connections
from sparkbed.verbs.inventories import deployed


@dataclass(frozen=True)
class PlayOptions:
    """The flags of `inv play`; lists are comma separated text, as Ansible takes them."""

    check: bool = False
    diff: bool = False
    tags: str = ""
    skip_tags: str = ""
    limit: str = ""
    start_at_task: str = ""
    list_tasks: bool = False
    forks: int = 10
    extra_vars: list[str] = field(default_factory=list)
    verbose: bool = False


def play(playbook: str, inventory_name: str, options: PlayOptions) -> None:
    """Run the playbook, or list its tasks.

    Raises:
        UsageError: when no playbook is named, or the hosts are not up; a DocumentError for what is wrong in it.
        HostError: when hosts could not be reached.
        PlaybookError: when a task failed on some host.
    """
    if not playbook:
        raise UsageError("which playbook?", hint="For example: ./inv play playbooks/standalone/start.yml")
    if not Path(playbook).is_file():
        raise UsageError(f"there is no playbook {playbook!r}", hint="Ours are in playbooks/, one folder a platform.")
    inventory = deployed(inventory_name, Home())
    tags, skip_tags = _names(options.tags), _names(options.skip_tags)
    extra_vars = _extra_vars(options.extra_vars)
    with Connections(lambda host: rendered_connection_variables(inventory, host)) as connections:
        output = Terminal(verbosity=int(options.verbose), diff=options.diff, log=Home().folder("logs") / "play.log")
        runner = Runner(inventory, connections, output=output, forks=options.forks, verbosity=int(options.verbose))
        if options.list_tasks:
            for listed in runner.list_tasks(Path(playbook), extra_vars=extra_vars, tags=tags, skip_tags=skip_tags):
                print(f"{listed.where}  {listed.play} : {listed.task}  TAGS: [{', '.join(listed.tags)}]")
            return
        result = runner.play(
            Path(playbook),
            extra_vars=extra_vars,
            tags=tags,
            skip_tags=skip_tags,
            limit=options.limit or None,
            check=options.check,
            diff=options.diff,
            start_at_task=options.start_at_task or None,
        )
    result.require(playbook)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _extra_vars(given: list[str]) -> dict[str, Any]:
    """key=value pairs (values are text, as Ansible's) and YAML or JSON mappings, later ones over earlier ones."""
    result: dict[str, Any] = {}
    for text in given:
        if text.lstrip().startswith("{"):
            mapping = documents.plain(documents.parse(text, Path("--extra-vars")))
            result.update(mapping)
            continue
        key, equals, value = text.partition("=")
        if not equals or not key.isidentifier():
            raise UsageError(
                f"--extra-vars {text!r} is neither key=value nor a mapping", hint="For example: -e cluster_name=mine"
            )
        result[key] = value
    return result
