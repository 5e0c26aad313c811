"""The variables that a play brings: its own, those of its files, and those of its roles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sparkbed import documents
from sparkbed.documents import Map
from sparkbed.errors import DocumentError, PlaybookError
from sparkbed.playbook.plays import Play, Role, Task
from sparkbed.playbook.searching import variables_file
from sparkbed.playbook.templating import TemplateError, UndefinedNameError
from sparkbed.playbook.variables import Layer, Scope, Variables


class PlayVariables:
    """What the tasks of one play see. `roles` grows with the roles that tasks include."""

    def __init__(self, play: Play, variables: Variables) -> None:
        self.play = play
        self.variables = variables
        self.roles = list(play.roles)
        self._of_roles = self._roles_layers()
        self._names = self._role_names()
        # Where tasks stand says what they are told of it: by their role and folder.
        self._places: dict[tuple[Role | None, Path], dict[str, Any]] = {}
        self._files: dict[Path, Mapping[str, Any]] = {}
        self._layers: dict[str, tuple[Layer, ...]] = {}

    def add_role(self, role: Role) -> None:
        """Take in what a role that a task includes makes public."""
        self.roles.append(role)
        self._of_roles = self._roles_layers()
        self._names = self._role_names()

    def scope(self, host: str, task: Task, magic: Mapping[str, Any]) -> Scope:
        """What `task` sees on `host`."""
        exports, defaults = self._of_roles
        role = task.place.role
        return self.variables.scope(
            host,
            params=(*task.place.params, *_layer(role.all_params if role else {})),
            task=task.settings.vars,
            play=(*_layer(role.all_values if role else {}), *exports, *self._play_layers(host, magic)),
            # Tasks always see an address; `hostvars` has it only where the inventory says it.
            defaults=(
                *_layer(role.all_defaults if role else {}),
                *defaults,
                Layer({"ansible_host": host}, document=False),
            ),
            magic={**magic, **self._names, **self._magic(task)},
            folder=task.folder,
        )

    def _roles_layers(self) -> tuple[tuple[Layer, ...], tuple[Layer, ...]]:
        """The variables and the defaults that roles let the whole play see; later roles win."""
        public = [role for role in reversed(self.roles) if role.public]
        exports = tuple(layer for role in public for layer in _layer(role.exports))
        return exports, tuple(layer for role in public for layer in _layer(role.own_defaults))

    def _role_names(self) -> dict[str, Any]:
        own = [role.name for role in self.roles]
        needed = list(dict.fromkeys(one.name for role in self.roles for one in role.all_dependencies))
        return {
            "ansible_play_role_names": own,
            "role_names": own,
            "ansible_dependent_role_names": needed,
            "ansible_role_names": list(dict.fromkeys([*needed, *own])),
        }

    def _magic(self, task: Task) -> dict[str, Any]:
        role = task.place.role
        found = self._places.get((role, task.folder))
        if found is None:
            base = self.play.folder.absolute()
            search = [str(path) for path in dict.fromkeys([*task.place.folders, task.folder.absolute(), base])]
            found = {"playbook_dir": str(base), "ansible_search_path": search}
            if role:
                found.update(role_name=role.name, role_path=str(role.path), ansible_role_name=role.name)
            self._places[role, task.folder] = found
        return found

    # -- files ------------------------------------------------------------------------------------------------------

    def _play_layers(self, host: str, magic: Mapping[str, Any]) -> tuple[Layer, ...]:
        """`vars_files` over `vars`; files whose names are templates can differ from host to host."""
        if host not in self._layers:
            below = (Layer(self.play.vars, document=True),)
            layers: tuple[Layer, ...] = ()
            complete = True
            for entry in self.play.vars_files:
                scope = self.variables.scope(host, play=(*layers, *below), magic=magic)
                try:
                    layers = (Layer(self._vars_file(entry, scope), document=True), *layers)
                except UndefinedNameError as error:
                    if host in self.variables.gathered:
                        raise PlaybookError(f"vars_files: {error}", where=self.play.position) from None
                    # Its name may hold a fact: until there are facts, do without it.
                    complete = False
            if not complete:
                return (*layers, *below)
            self._layers[host] = (*layers, *below)
        return self._layers[host]

    def _vars_file(self, entry: Any, scope: Scope) -> Mapping[str, Any]:
        """The variables of a file, or of the first one that exists of a list."""
        names = entry if isinstance(entry, list) else [entry]
        try:
            paths = [variables_file(scope.text(name), self.play.folder) for name in names]
        except UndefinedNameError:
            raise
        except TemplateError as error:
            raise PlaybookError(f"vars_files: {error}", where=self.play.position) from None
        for path in paths:
            if path.is_file():
                if path not in self._files:
                    self._files[path] = load_variables(path)
                return self._files[path]
        raise PlaybookError(f"no such file of variables: {paths[0]}", where=self.play.position)


def _layer(values: Mapping[str, Any]) -> tuple[Layer, ...]:
    return (Layer(values, document=True),) if values else ()


def load_variables(path: Path) -> Mapping[str, Any]:
    """The variables in a file of `vars_files` or `include_vars`.

    Raises:
        DocumentError: when it is no mapping.
    """
    content = documents.load(path)
    if content is None:
        return {}
    if not isinstance(content, Map):
        raise DocumentError("a file of variables is a mapping", where=str(path), hint="One `name: value` a line.")
    return content
