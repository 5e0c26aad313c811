"""`inv play`: one playbook on an inventory's hosts."""

from __future__ import annotations

import datetime
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sparkbed import documents
from sparkbed import inventory as inventories
from sparkbed.errors import DocumentError, UsageError
from sparkbed.home import Home
from sparkbed.inventory import Inventory
from sparkbed.inventory.provisioning import specs
from sparkbed.playbook import FORKS, Runner, arguments, rendered_connection_variables
from sparkbed.playbook.listing import listing
from sparkbed.playbook.output import Terminal
from sparkbed.provision import provider_for
from sparkbed.remote import Connections
from sparkbed.verbs.inventories import deployed, inventory_file


@dataclass(frozen=True, eq=False, repr=False)
class Lists:
    """What to list instead of a run; `nothing` lists nothing, and the playbook is only checked."""

    hosts: bool = False
    tasks: bool = False
    tags: bool = False
    nothing: bool = False

    def __bool__(self) -> bool:
        return self.hosts or self.tasks or self.tags or self.nothing


@dataclass(frozen=True, eq=False, repr=False)
class PlayOptions:
    """The flags of `inv play`; lists are comma separated text, as Ansible takes them."""

    check: bool = False
    diff: bool = False
    tags: str = ""
    skip_tags: str = ""
    limit: str = ""
    start_at_task: str = ""
    lists: Lists = Lists()
    forks: int = FORKS
    extra_vars: list[str] = field(default_factory=list)
    verbosity: int = 0


def play(playbook: str, inventory_name: str, options: PlayOptions) -> None:
    """Run the playbook, or list what is in it.

    Raises:
        UsageError: when no playbook is named, or the hosts are not up; a DocumentError for what is wrong in it.
        HostError: when hosts could not be reached.
        PlaybookError: when a task failed on some host.
    """
    if not playbook:
        raise UsageError("which playbook?", hint="For example: ./inv play playbooks/standalone/start.yml")
    path = Path(playbook)
    if not path.is_file():
        raise UsageError(f"there is no playbook {playbook!r}", hint="Ours are in playbooks/, one folder a platform.")
    home = Home()
    inventory = _inventory(inventory_name, home)
    chosen: dict[str, Any] = {
        "extra_vars": _extra_vars(options.extra_vars),
        "tags": _names(options.tags),
        "skip_tags": _names(options.skip_tags),
        "limit": options.limit or None,
    }
    with Connections(lambda host: rendered_connection_variables(inventory, host)) as connections:
        log = home.folder("logs") / "play.log"
        if options.lists:
            plays = Runner(inventory, connections).listed(path, **chosen)
            lists = options.lists
            print(listing(path, plays, hosts=lists.hosts, tasks=lists.tasks, tags=lists.tags))
            return
        output = Terminal(
            verbosity=options.verbosity,
            diff=options.diff,
            log=log,
            check_mode_markers=os.environ.get("ANSIBLE_CHECK_MODE_MARKERS", "").lower() in ("1", "true", "yes"),
        )
        output.log_only(f"{datetime.datetime.now().astimezone():%Y-%m-%d %H:%M:%S%z} {os.getpid()} inv play {path}")
        runner = Runner(inventory, connections, output=output, forks=options.forks, verbosity=options.verbosity)
        result = runner.play(
            path,
            **chosen,
            check=options.check,
            diff=options.diff,
            start_at_task=options.start_at_task or None,
        )
    result.require(playbook)


def _inventory(name: str, home: Home) -> Inventory:
    """The hosts to play on: those that were provisioned, or the inventory's own when they exist already."""
    try:
        source = inventory_file(name)
    except UsageError:
        return deployed(name, home)
    generated = home.inventories / f"{source.stem}.yml"
    if generated.is_file() and generated.stat().st_mtime >= source.stat().st_mtime:
        return deployed(name, home)
    read = inventories.load(source)
    if (
        read.hosts
        and all(spec.provider == "static" for spec in specs(read).values())
        and (not generated.is_file() or set(inventories.load(generated).hosts) & set(read.hosts))
    ):
        provider_for(read, home).provision(read, source.stem, lambda _: None)
    return deployed(name, home)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _extra_vars(given: list[str]) -> dict[str, Any]:
    """key=value pairs (whose values are text), YAML or JSON mappings, and @FILEs; later ones over earlier ones."""
    result: dict[str, Any] = {}
    for text in given:
        if text.startswith("@"):
            result.update(_file_of_variables(text))
        elif text.lstrip().startswith(("{", "[")):
            result.update(_mapping(documents.parse(text, Path("--extra-vars")), text))
        else:
            result.update(_pairs(text))
    for name in result:
        if not str(name).isidentifier():
            raise UsageError(
                f"--extra-vars: {name!r} can't be the name of a variable", hint="Use letters, digits and underscores."
            )
    return result


def _pairs(text: str) -> dict[str, str]:
    try:
        pairs, rest = arguments.options(text)
    except arguments.UnbalancedError as error:
        raise UsageError(f"--extra-vars {text!r}: {error}", hint="Close the quote.") from None
    if rest or not pairs:
        raise UsageError(
            f"--extra-vars {text!r} is neither key=value nor a mapping", hint="For example: -e cluster_name=mine"
        )
    return pairs


def _file_of_variables(text: str) -> dict[str, Any]:
    path = Path(text[1:]).expanduser()
    if not path.is_file():
        raise UsageError(f"--extra-vars {text}: there is no file {path}", hint="@ goes before a file of variables.")
    return _mapping(documents.load(path) or {}, str(path))


def _mapping(content: Any, where: str) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise DocumentError("extra variables are a mapping", where=where, hint="One `name: value` a line.")
    plain: dict[str, Any] = documents.plain(content)
    return plain
