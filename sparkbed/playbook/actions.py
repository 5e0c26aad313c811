"""What a module that runs on the controller may ask: expressions, files beside the playbook, the host's agent."""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2.utils import missing

from sparkbed.playbook.hosts import Hosts
from sparkbed.playbook.plays import Task
from sparkbed.playbook.templating import TemplateError, final, is_all_template
from sparkbed.playbook.variables import Scope
from sparkbed.remote import Agent


@dataclass(frozen=True, eq=False, repr=False)
class Action:
    """The context of one call of a controller module: the `ActionContext` of modules/controller.py.

    `host` is whom the task is for; `connect` leads to where it acts, another host with delegate_to; `execute` runs a
    shell line there without the agent; `reset` ends what is open to there.
    """

    scope: Scope
    task: Task
    host: str
    connect: Callable[[], Agent]
    execute: Callable[[str], tuple[int, bytes, bytes]]
    check: bool
    diff: bool
    environment: Mapping[str, str]
    hosts: Hosts
    reset: Callable[[], None]
    transferring: Callable[[str, str, int, int], None]
    verbosity: int = 0

    @property
    def agent(self) -> Agent:
        """The host's agent; connects when it is first asked for."""
        return self.connect()

    def progress(self, name: str, sent: int, total: int) -> None:
        """Tell how far a file is on its way to the host."""
        self.transferring(self.host, name, sent, total)

    def evaluate(self, expression: str) -> Any:
        """The value of a bare Jinja expression.

        Raises:
            TemplateError: when it has none.
        """
        return self.scope.expression(expression)

    def shown(self, expression: str) -> Any:
        """The value of an expression in which a text stands for each part that is undefined.

        Raises:
            TemplateError: when a part is broken in another way.
        """
        return self.scope.shown(expression)

    def conditional(self, expression: Any) -> bool:
        """Whether a condition holds, as in `when`.

        Raises:
            TemplateError: when it has no value, or none that is true or false.
        """
        return self.scope.condition(expression)

    def conditions(self, raw: Any) -> list[Any]:
        """The conditions of an option: one, a list, or a template of one or a list that stands in a document.

        Raises:
            TemplateError: when text that is in no document would become a condition.
        """
        if isinstance(raw, str) and is_all_template(raw.strip()):
            found = self.scope.value(raw)
            listed = found if isinstance(found, list) else [found]
            for one in listed:
                if isinstance(one, str) and not self.scope.wrote(one):
                    raise TemplateError("Encountered untrusted template or expression.")
            return listed
        return raw if isinstance(raw, list) else [raw]

    def find_file(self, kind: str, name: str) -> Path:
        """The file `name` beside the playbook: in its templates/ or files/ folder (by `kind`), or relative to it.

        Raises:
            TemplateError: naming the places looked at.
        """
        return find_file(self.folders, kind, name)

    @property
    def folders(self) -> list[Path]:
        """Where files are looked for: the task's role and those that need it, the task's folder, the playbook's."""
        return [Path(path) for path in self.scope.resolve("ansible_search_path")]

    def variable(self, name: str) -> Any:
        """The value of a variable; None if nothing defines it.

        Raises:
            TemplateError: when it has no value.
        """
        value = self.scope.resolve(name)
        return None if value is missing else final(value)

    def has_variable(self, name: str) -> bool:
        """Whether something defines the variable."""
        return self.scope.resolve(name) is not missing

    def variables_folder(self, name: str) -> Path:
        """The folder that include_vars means by `dir`: in the role, or relative to the task's file."""
        role = self.task.place.role
        if role is None:
            return self.task.folder.absolute() / name
        if name.split("/")[0] == "vars":
            inside = role.path / name
            return inside if inside.exists() else Path(name)
        return role.path / "vars" / name

    def render_file(self, path: Path, dest: str = "", **options: Any) -> str:
        """The text of the template at `path` for this host; `options` are Jinja's delimiters and trimming.

        Raises:
            TemplateError: naming the template and what is wrong with it.
        """
        names = self.scope.over(template_names(path, dest, self.scope))
        search = [place for folder in self.folders for place in (folder / "templates", folder)]
        value = self.scope.templates.file(path, names, search, **options)
        return "" if value is None else str(value)


def find_file(folders: list[Path], kind: str, name: str) -> Path:
    """See `Action.find_file`."""
    wanted = Path(name).expanduser()
    if wanted.is_absolute():
        places = [wanted]
    else:
        inside = () if wanted.parts[:1] == (kind,) else (kind,)
        places = [
            place for folder in folders for place in (*(folder / one / wanted for one in inside), folder / wanted)
        ]
    # `..` is taken as text, as Ansible does it: templates/../x is x, also where there is no templates/.
    places = [Path(os.path.normpath(place)) for place in places]
    for place in places:
        if place.exists():
            return place
    looked = ", ".join(dict.fromkeys(str(place) for place in places))
    raise TemplateError(f"Could not find or access {name!r}. Looked at: {looked}")


def template_names(path: Path, dest: str, scope: Scope) -> dict[str, Any]:
    """The variables that templates of files have besides: Ansible's names. `ansible_managed` may be a person's own."""
    about = path.stat()
    try:
        owner = pwd.getpwuid(about.st_uid).pw_name
    except KeyError:
        owner = str(about.st_uid)
    return {
        **({"ansible_managed": "Ansible managed"} if scope.resolve("ansible_managed") is missing else {}),
        "template_host": os.uname().nodename,
        "template_path": str(path),
        "template_fullpath": str(path.absolute()),
        "template_destpath": dest or None,
        "template_uid": owner,
        "template_mtime": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(about.st_mtime)),
        "template_run_date": time.strftime("%Y-%m-%d %H:%M:%S"),
    }
