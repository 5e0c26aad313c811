"""Reads roles: their files, what they depend on, and what a use of one says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from sparkbed import documents
from sparkbed.documents import Map, Seq
from sparkbed.playbook.keywords import (
    ANSIBLE_KEYWORDS,
    ROLE_KEYWORDS,
    Refusal,
    expect,
    is_name,
    merged,
    settings,
)
from sparkbed.playbook.plays import Place, Role, Settings, Step, Task, tasks_of
from sparkbed.playbook.searching import role_folder
from sparkbed.playbook.templating import is_template
from sparkbed.position import Position

_EXTENSIONS = (".yml", ".yaml", ".json")


@dataclass(eq=False, repr=False)
class Reading:
    """What the reading of a play has in common, and what it gathers beside the steps: imported roles, their handlers.

    `playbook` is the folder of the playbook's file, `open` the files that are being read just now.
    """

    playbook: Path
    refuse: Refusal
    roles: list[Role] = field(default_factory=list)
    handlers: list[Task] = field(default_factory=list)
    open: tuple[Path, ...] = ()

    def within(self, file: Path, where: Position) -> Reading:
        """The same, within `file`.

        Raises:
            DocumentError: when the file is being read already: it imports itself.
        """
        if file in self.open:
            raise self.refuse.wrong(f"{file.name} imports itself", where, "Take the import out, or include it.")
        return replace(self, open=(*self.open, file))


class ListReader(Protocol):
    """Reads a list of tasks or handlers of the file at `path`."""

    def __call__(
        self, path: Path, content: Seq, reading: Reading, place: Place, outer: Settings, *, handlers: bool
    ) -> tuple[Step, ...]: ...


@dataclass(frozen=True, eq=False, repr=False)
class Use:
    """One use of a role: its name as it was written, what is said of it, and which of its files are meant.

    `included`: by a task (include_role or import_role), whose loop's variables are `item`.
    """

    name: str
    where: Position
    said: Settings = field(default_factory=Settings)
    params: Mapping[str, Any] = field(default_factory=dict)
    from_files: Mapping[str, str] = field(default_factory=dict)
    included: bool = False
    public: bool = True
    allow_duplicates: bool | None = None
    validate: bool = True
    item: Mapping[str, Any] = field(default_factory=dict)


def use_of(entry: Any, where: Position, refuse: Refusal) -> Use:
    """An entry of `roles:` or of a role's dependencies: a name, or a mapping with `role`, keywords and parameters."""
    if isinstance(entry, str):
        entry_map: Map = Map(where)
        name: Any = entry
    elif isinstance(entry, Map):
        entry_map, where = entry, entry.position
        name = entry.get("role", entry.get("name"))
    else:
        raise refuse.wrong("a role is a name or a mapping", where, "Write `- role: NAME`.")
    if not isinstance(name, str) or not name:
        raise refuse.wrong("a role needs its name", where, "Write `- role: NAME`.")
    if is_template(name):
        raise refuse("a role takes a literal name", entry_map.where("role"))
    params: Map = Map(where)
    for key, value in entry_map.items():
        if key in ROLE_KEYWORDS:
            continue
        if key in ANSIBLE_KEYWORDS and key not in _NO_KEYWORDS_OF_ROLES:
            raise refuse(f"keyword {key!r} of a role is outside the subset", entry_map.where(key))
        if not is_name(key):
            raise refuse.wrong(
                f"{key!r} can't be the name of a variable", entry_map.where(key), "It would be a parameter of the role."
            )
        params[key] = value
        params.key_positions[key] = entry_map.where(key)
    return Use(name, where, settings(entry_map, refuse), params)


# Ansible's words for other things than roles: beside a role they are parameters.
_NO_KEYWORDS_OF_ROLES = frozenset(
    str.split(
        "action async fact_path force_handlers gather_subset gather_timeout hosts local_action max_fail_percentage"
        " order poll serial strategy user vars_prompt"
    )
)


@dataclass(frozen=True, eq=False, repr=False)
class RoleReader:
    """Reads the roles of one play."""

    reading: Reading
    read_list: ListReader

    def read(
        self, use: Use, outer: Settings, place: Place, parents: tuple[Role, ...] = (), beside: Path | None = None
    ) -> tuple[Role, tuple[Step, ...], tuple[Task, ...]]:
        """The role, its steps after those of its dependencies, and their handlers.

        `outer` is what stands around the use, `place` where that stands, `parents` the roles that need this one.

        Raises:
            DocumentError: when there is no such role, or when it is wrong, or outside the subset.
        """
        refuse = self.reading.refuse
        folder, looked = role_folder(use.name, self.reading.playbook, beside)
        if folder is None:
            raise refuse.wrong(
                f"there is no role {use.name!r}", use.where, f"Looked at {', '.join(str(path) for path in looked)}."
            )
        if any(role.path == folder for role in parents) and not use.included:
            raise refuse.wrong(f"role {use.name!r} needs itself", use.where, "Take the dependency out.")
        name = folder.name if Path(use.name).is_absolute() else use.name
        files = _Files(folder, use, refuse)
        meta = self._meta(files)
        allow = meta.get("allow_duplicates", False) if use.allow_duplicates is None else use.allow_duplicates
        role = Role(
            name=name,
            path=folder,
            identity=_identity(name, folder, use),
            parents=parents,
            defaults=files.variables("defaults"),
            values=files.variables("vars"),
            vars=use.said.vars,
            params=use.params,
            allow_duplicates=bool(allow),
            public=use.public,
            included=use.included,
        )
        inner = merged(outer, replace(use.said, vars={}))
        needed, steps, handlers = self._needed(role, meta, inner, place)
        # Its tasks know their role as a whole, so the dependencies stand in it before they are read.
        role = replace(role, dependencies=needed)
        own = replace(place, role=role)
        if use.validate:
            steps += _validation(role, files, meta, inner, own)
        steps += self._list(files, "tasks", inner, own)
        handlers += tuple(tasks_of(self._list(files, "handlers", inner, own)))
        return role, (*steps, _complete(role, use.where, outer)), handlers

    def is_open(self, use: Use) -> bool:
        """Whether the tasks of the role are being read just now."""
        folder, _ = role_folder(use.name, self.reading.playbook, None)
        return folder is not None and _Files(folder, use, self.reading.refuse).file("tasks") in self.reading.open

    def _needed(
        self, role: Role, meta: Map, inner: Settings, place: Place
    ) -> tuple[tuple[Role, ...], tuple[Step, ...], tuple[Task, ...]]:
        """The dependencies of `role`, with their steps and handlers."""
        refuse = self.reading.refuse
        entries = meta.get("dependencies") or Seq(meta.position)
        if not isinstance(entries, Seq):
            raise refuse.wrong("`dependencies` is a list of roles", meta.where("dependencies"), "Write `- role: NAME`.")
        roles: list[Role] = []
        steps: list[Step] = []
        handlers: list[Task] = []
        for index, entry in enumerate(entries):
            found = self.read(use_of(entry, entries.where(index), refuse), inner, place, role.chain, role.path.parent)
            roles.append(found[0])
            steps.extend(found[1])
            handlers.extend(found[2])
        return tuple(roles), tuple(steps), tuple(handlers)

    def _meta(self, files: _Files) -> Map:
        refuse = self.reading.refuse
        path = files.file("meta")
        meta = documents.load(path) if path else None
        if meta is None:
            meta = Map(Position(path or files.folder, 1))
        if path and not isinstance(meta, Map):
            raise refuse.wrong("the meta file of a role is a mapping", Position(path, 1), "As `dependencies: [...]`.")
        expect(meta, _META, "a role's meta file", refuse)
        if meta.get("collections"):
            raise refuse("`collections` of a role is outside the subset", meta.where("collections"))
        return meta

    def _list(self, files: _Files, kind: str, outer: Settings, place: Place) -> tuple[Step, ...]:
        path = files.file(kind)
        content = documents.load(path) if path else None
        if path is None or content is None:
            return ()
        if not isinstance(content, Seq):
            raise self.reading.refuse.wrong(
                f"a role's file of {kind} is a list", Position(path, 1), "Begin each task with a dash."
            )
        reading = self.reading.within(path, Position(path, 1))
        return self.read_list(path, content, reading, place, outer, handlers=kind == "handlers")


_META = frozenset(str.split("allow_duplicates argument_specs collections dependencies galaxy_info standalone version"))


@dataclass(frozen=True, eq=False, repr=False)
class _Files:
    """The files of a role, as its use chooses them."""

    folder: Path
    use: Use
    refuse: Refusal

    def file(self, kind: str) -> Path | None:
        """The file of tasks, handlers or meta; None when there is none and none was asked for."""
        return next((path for path in self._paths(kind) if path.is_file()), None)

    def variables(self, kind: str) -> Mapping[str, Any]:
        """What the files of `defaults` or `vars` define: one file, or all of a folder."""
        found = next(iter(self._paths(kind)), None)
        paths = [] if found is None else _below(found) if found.is_dir() else [found]
        result: Map = Map(Position(self.folder, 1))
        for path in paths:
            content = documents.load(path)
            if content is None:
                continue
            if not isinstance(content, Map):
                raise self.refuse.wrong(
                    "a file of variables is a mapping", Position(path, 1), "One `name: value` a line."
                )
            result.update(content)
            result.key_positions.update(content.key_positions)
        return result

    def argument_specs(self, meta: Map) -> Map:
        """What the role says of its arguments, by entry point."""
        place = self.folder / "meta"
        path = next((path for end in _EXTENSIONS if (path := place / f"argument_specs{end}").is_file()), None)
        content = documents.load(path) if path else meta
        specs = content.get("argument_specs") if isinstance(content, Map) else None
        return specs if isinstance(specs, Map) else Map(meta.position)

    def _paths(self, kind: str) -> list[Path]:
        """What is there of the names that the file can have, the one that counts first."""
        asked = self.use.from_files.get(kind)
        name, ends = (asked, ("", *_EXTENSIONS)) if asked else ("main", (*_EXTENSIONS, ""))
        place = self.folder / kind
        found = [path for end in ends if (path := place / f"{name}{end}").exists()]
        if asked and not found and place.is_dir():
            raise self.refuse.wrong(
                f"role {self.use.name!r} has no file {kind}/{asked}", self.use.where, f"Looked at {place}."
            )
        return found


def _below(folder: Path) -> list[Path]:
    """The files of variables in a folder, by name; folders without a dot in their names are entered."""
    found: list[Path] = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name.endswith("~"):
            continue
        if path.is_dir() and not path.suffix:
            found.extend(_below(path))
        elif path.is_file() and (not path.suffix or path.suffix in _EXTENSIONS):
            found.append(path)
    return found


def _identity(name: str, folder: Path, use: Use) -> str:
    """What two uses have in common that count as one: a role runs once a play for each."""
    values = [documents.plain(dict(part)) for part in (use.params, use.said.vars, use.item, use.from_files)]
    return repr((name, str(folder), values, use.said.when, use.said.tags, use.included))


def _validation(role: Role, files: _Files, meta: Map, outer: Settings, place: Place) -> tuple[Task, ...]:
    """The task that checks a role's arguments, where the role says what they are."""
    entry = files.use.from_files.get("tasks", "main")
    specs = files.argument_specs(meta)
    spec = specs.get(entry)
    if not isinstance(spec, Map) or not spec:
        return ()
    about = f" - {spec['short_description']}" if "short_description" in spec else ""
    context = {"type": "role", "name": role.name, "argument_spec_name": entry, "path": str(role.path)}
    task = Task(
        name=f"Validating arguments against arg spec '{entry}'{about}",
        module="validate_argument_spec",
        args={
            "argument_spec": spec.get("options") or {},
            "provided_arguments": role.params,
            "validate_args_context": context,
        },
        position=specs.where(entry),
        settings=merged(outer, Settings(tags=("always",))),
        folder=role.path / "tasks",
        action="ansible.builtin.validate_argument_spec",
        place=place,
    )
    return (task,)


def _complete(role: Role, where: Position, outer: Settings) -> Task:
    """The step at the end of a role: hosts that did something in it have run it."""
    return Task(
        name="",
        module="meta",
        args={"_raw_params": "role_complete"},
        position=where,
        settings=Settings(tags=(*outer.tags, "always")),
        folder=role.path,
        action="meta",
        place=Place(role),
        implicit=True,
    )
