"""Reads lists of tasks: tasks, blocks, handlers, and the files and roles that they import or include."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sparkbed import documents
from sparkbed.documents import Map, Seq
from sparkbed.errors import DocumentError
from sparkbed.playbook.keywords import (
    BLOCK_KEYWORDS,
    HANDLER_KEYWORDS,
    IMPORTS,
    INCLUDE_KEYWORDS,
    INCLUDES,
    Refusal,
    expect,
    merged,
    settings,
    short,
)
from sparkbed.playbook.plays import Block, Include, Place, Role, Settings, Step, Task
from sparkbed.playbook.roles import Reading, RoleReader, Use
from sparkbed.playbook.searching import tasks_file
from sparkbed.playbook.tasks import TaskReader
from sparkbed.playbook.templating import TemplateError, Templates, is_template
from sparkbed.playbook.variables import Layer, Scope
from sparkbed.position import Position

_FROM = ("tasks", "vars", "defaults", "handlers")
_APPLIED = BLOCK_KEYWORDS - {"block", "rescue", "always"}


_NOWHERE = Place()


@dataclass(frozen=True, eq=False, repr=False)
class StepReader:
    """Reads the lists of tasks in one file."""

    path: Path
    reading: Reading
    place: Place = _NOWHERE

    @property
    def refuse(self) -> Refusal:
        return self.reading.refuse

    def section(self, entry: Map, key: str, outer: Settings, *, handlers: bool = False) -> tuple[Step, ...]:
        """The steps under `key` of a play or a block, within what `outer` says."""
        value = entry.get(key)
        if value is None:
            return ()
        if not isinstance(value, Seq):
            raise self.refuse.wrong(f"{key!r} must be a list of tasks", entry.where(key), "Begin each with a dash.")
        return self.listed(value, outer, handlers=handlers)

    def listed(self, value: Seq, outer: Settings, *, handlers: bool = False) -> tuple[Step, ...]:
        """The steps of a list."""
        steps: list[Step] = []
        for index, item in enumerate(value):
            if not isinstance(item, Map):
                raise self.refuse.wrong(
                    f"a task is a mapping, not {type(item).__name__}",
                    value.where(index),
                    "Write the module as a key: `- command: ...`.",
                )
            steps.extend(self._step(item, outer, handlers))
        return tuple(steps)

    def _step(self, item: Map, outer: Settings, handlers: bool) -> Iterable[Step]:
        if "block" in item:
            return self._handlers_block(item, outer) if handlers else [self._block(item, outer)]
        if any(key in item for key in ("rescue", "always")):
            raise self.refuse.wrong("rescue and always need a block", item.position, "Add `block:` beside them.")
        leading = next((key for key in item if short(str(key)) in (*IMPORTS, *INCLUDES)), None)
        if leading is None:
            return [self._task(item, outer, handlers)]
        if handlers and short(leading).endswith("_role"):
            raise self.refuse.wrong(f"{leading} can't be a handler", item.where(leading), "Notify the role's handlers.")
        if leading.endswith("import_tasks"):
            return self._import_tasks(item, leading, outer, handlers)
        if leading.endswith("import_role"):
            return self._import_role(item, leading, outer)
        return [self._include(item, leading, outer, handlers)]

    def _task(self, item: Map, outer: Settings, handlers: bool) -> Task:
        return TaskReader(self.path, self.refuse).read(item, outer, self.place, handlers=handlers)

    def _block(self, item: Map, outer: Settings) -> Block:
        expect(item, BLOCK_KEYWORDS, "a block", self.refuse)
        inner = merged(outer, settings(item, self.refuse))
        return Block(
            tasks=self.section(item, "block", inner),
            rescue=self.section(item, "rescue", inner),
            always=self.section(item, "always", inner),
            position=item.position,
            name=str(item.get("name") or ""),
        )

    def _handlers_block(self, item: Map, outer: Settings) -> Iterable[Step]:
        """The handlers of a block: its keywords count for each, and that is all that it is for handlers."""
        for key in ("rescue", "always"):
            if key in item:
                raise self.refuse.wrong(f"{key!r} means nothing among handlers", item.where(key), "Take it out.")
        expect(item, BLOCK_KEYWORDS, "a block", self.refuse)
        value = item["block"]
        for index, inner in enumerate(value if isinstance(value, Seq) else []):
            if isinstance(inner, Map) and "block" in inner:
                raise self.refuse.wrong(
                    "a block among handlers has no block in it", value.where(index), "Write it out."
                )
        return self.section(item, "block", merged(outer, settings(item, self.refuse)), handlers=True)

    # -- imports ----------------------------------------------------------------------------------------------------

    def _import_tasks(self, item: Map, key: str, outer: Settings, handlers: bool) -> Iterable[Step]:
        expect(item, _APPLIED | {key, "args"}, key, self.refuse)
        target = item[key]
        if isinstance(target, Map) and list(target) == ["file"]:
            target = target["file"]
        if not isinstance(target, str) or is_template(target):
            raise self.refuse(f"{key} takes the literal name of a file", item.where(key))
        name = target.removeprefix("file=").strip()
        file = tasks_file(name, _kind(handlers), self.place, self.reading.playbook, dynamic=False)
        reading = self.reading.within(file, item.where(key))
        inner = merged(outer, settings(item, self.refuse))
        place = replace(self.place, within=(str(Path(name).parent), *self.place.within))
        content = _content(file, name, item.where(key), self.refuse)
        return StepReader(file, reading, place).listed(content, inner, handlers=handlers)

    def _import_role(self, item: Map, key: str, outer: Settings) -> Iterable[Step]:
        expect(item, _APPLIED | {key, "args"}, key, self.refuse)
        task = TaskReader(self.path, self.refuse).read(
            _only(item, {key, "args", "name"}), outer, self.place, handlers=False
        )
        for name in ("apply", *(option for option, value in task.args.items() if is_template(value))):
            if name in task.args:
                raise self.refuse(f"{key} takes a literal {name!r}", item.where(key))
        said = settings(item, self.refuse)
        use = role_use(task, task.args, said.vars, included=False)
        place = replace(_led(self.place), within=())
        role, steps, handlers = RoleReader(self.reading, read_list).read(
            use, merged(outer, said), place, self.place.role.chain if self.place.role else ()
        )
        self.reading.roles.append(role)
        self.reading.handlers.extend(handlers)
        return steps

    # -- includes ---------------------------------------------------------------------------------------------------

    def _include(self, item: Map, key: str, outer: Settings, handlers: bool) -> Task:
        for keyword in item:
            if keyword in HANDLER_KEYWORDS - INCLUDE_KEYWORDS and not str(keyword).startswith("with_"):
                raise self.refuse.wrong(
                    f"{key} has no keyword {keyword!r}", item.where(keyword), "Say it of the tasks, or under `apply`."
                )
        task = self._task(item, outer, handlers)
        args = Map(item.where(key))
        args.update(task.args)
        if "file" in args:
            args["_raw_params"] = args.pop("file")
        needed = "_raw_params" if task.module == "include_tasks" else "name" if "name" in args else "role"
        if not isinstance(args.get(needed), str) or not args[needed].strip():
            raise self.refuse.wrong(f"{key} needs a name", item.where(key), f"Write `{key}: ...`.")
        apply = args.get("apply") or Map(item.where(key))
        if not isinstance(apply, Map):
            raise self.refuse.wrong("`apply` is a mapping of keywords", item.where(key), "As `apply: {tags: x}`.")
        expect(apply, _APPLIED, "apply", self.refuse)
        own = settings(item, self.refuse).vars
        include = Include(
            outer=merged(outer, Settings(vars=own)), apply=settings(apply, self.refuse), vars=own, handler=handlers
        )
        place = _led(self.place) if task.module == "include_role" else self.place
        place = replace(place, params=(Layer(own, document=True), *place.params) if own else place.params)
        task = replace(task, args=args, place=place, include=include)
        try:
            steps, roles = self._ahead(task)
        except DocumentError:
            if not task.settings.when:
                raise
            # A file for other systems than the hosts' may hold anything: it is refused when a host comes to it.
            return task
        return replace(task, include=replace(include, ahead=steps, roles=roles))

    def _ahead(self, task: Task) -> tuple[tuple[Step, ...] | None, tuple[Role, ...]]:
        """What `task` will include, as far as that can be known before it runs."""
        assert task.include is not None
        steps: list[Step] = []
        roles: list[Role] = []
        for args in _literal_arguments(task):
            if args is None:
                return None, ()
            reading = Reading(self.reading.playbook, self.refuse, open=self.reading.open)
            if task.module == "include_tasks":
                file = included_file(task, str(args["_raw_params"]), reading)
                if file not in reading.open:
                    steps.extend(included_tasks(task, str(args["_raw_params"]), None, reading))
            else:
                if RoleReader(reading, read_list).is_open(role_use(task, args, {}, included=True)):
                    continue
                role, found, handlers = included_role(task, args, None, reading)
                roles.append(role)
                steps.extend((*found, *handlers))
            roles.extend(reading.roles)
            steps.extend(reading.handlers)
        return tuple(steps), tuple(roles)


def read_list(
    path: Path, content: Seq, reading: Reading, place: Place, outer: Settings, *, handlers: bool
) -> tuple[Step, ...]:
    """The steps of a file of tasks or handlers."""
    return StepReader(path, reading, place).listed(content, outer, handlers=handlers)


def included_file(task: Task, name: str, reading: Reading) -> Path:
    """The file that an include_tasks names; need not be there."""
    assert task.include is not None
    kind = _kind(task.include.handler)
    return tasks_file(name.strip(), kind, task.place, reading.playbook, dynamic=True)


def included_tasks(task: Task, name: str, item: Layer | None, reading: Reading) -> tuple[Step, ...]:
    """The steps of the file `name` as `task` includes them; `item` are the variables of its loop.

    Raises:
        DocumentError: when there is no such file, or it is wrong, or outside the subset.
    """
    assert task.include is not None
    file = included_file(task, name, reading)
    content = _content(file, name, task.position, reading.refuse)
    place = replace(
        task.place,
        params=(*([item] if item else []), *task.place.params),
        within=(str(Path(name.strip()).parent), *task.place.within),
    )
    # A file may include itself, as a loop that a condition ends: only what is imported is kept from it.
    inner = replace(reading, open=(*reading.open, file))
    outer = merged(task.include.outer, task.include.apply)
    return StepReader(file, inner, place).listed(content, outer, handlers=task.include.handler)


def included_role(
    task: Task, args: Mapping[str, Any], item: Layer | None, reading: Reading
) -> tuple[Role, tuple[Step, ...], tuple[Task, ...]]:
    """The role that an include_role with the arguments `args` leads to, its steps and its handlers.

    Raises:
        DocumentError: when there is no such role, or it is wrong, or outside the subset.
    """
    assert task.include is not None
    use = replace(role_use(task, args, task.include.vars, included=True), item=item.values if item else {})
    place = replace(task.place, params=(*([item] if item else []), *task.place.params), within=())
    parents = task.place.role.chain if task.place.role else ()
    outer = merged(task.include.outer, task.include.apply)
    return RoleReader(reading, read_list).read(use, outer, place, parents)


def role_use(task: Task, args: Mapping[str, Any], variables: Mapping[str, Any], *, included: bool) -> Use:
    """What import_role or include_role says of its role."""
    return Use(
        name=str(args.get("name", args.get("role"))),
        where=task.position,
        said=Settings(vars=variables),
        from_files={kind: str(args[f"{kind}_from"]) for kind in _FROM if args.get(f"{kind}_from")},
        included=True,
        public=_yes(args.get("public"), not included),
        allow_duplicates=_yes(args.get("allow_duplicates"), True),
        validate=_yes(args.get("rolespec_validate"), True),
    )


def _led(place: Place) -> Place:
    """The place of a role that a task at `place` leads to: it knows the role of that task."""
    if place.role is None:
        return place
    led = (place.role, *place.led_from)
    names = {
        "ansible_parent_role_names": [role.name for role in led],
        "ansible_parent_role_paths": [str(role.path) for role in led],
    }
    params = Layer(names, document=False), Layer(place.role.params, document=True)
    return replace(place, params=(*params, *place.params), led_from=led)


def _literal_arguments(task: Task) -> Iterable[Mapping[str, Any] | None]:
    """The arguments of an include that are known before it runs, for each item of its loop; None if they are not."""
    args = {name: value for name, value in task.args.items() if name != "apply"}
    if task.args_template is not None:
        return [None]
    if not is_template(args):
        return [args]
    loop = task.loop
    if loop is None or loop.kind not in ("loop", "items", "list") or not isinstance(loop.value, list):
        return [None]
    if is_template(loop.value):
        return [None]
    return [_rendered(args, {loop.loop_var: item}) for item in loop.value]


def _rendered(args: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any] | None:
    scope = Scope(_TEMPLATES, [Layer(values, document=False)], Path())
    try:
        return {name: scope.value(value) for name, value in args.items()}
    except TemplateError:
        return None


_TEMPLATES = Templates()


def _yes(value: Any, otherwise: bool) -> bool:
    if value is None:
        return otherwise
    return value if isinstance(value, bool) else str(value).lower() in ("yes", "on", "1", "true", "y", "t")


def _kind(handlers: bool) -> str:
    return "handlers" if handlers else "tasks"


def _only(item: Map, keys: set[str]) -> Map:
    result = Map(item.position)
    result.update({key: value for key, value in item.items() if key in keys})
    result.key_positions.update(item.key_positions)
    return result


def _content(file: Path, name: str, where: Position, refuse: Refusal) -> Seq:
    if not file.is_file():
        raise refuse.wrong(f"there is no file {name}", where, f"Looked at {file}.")
    content = documents.load(file)
    if content is None:
        return Seq(Position(file, 1))
    if not isinstance(content, Seq):
        raise refuse.wrong("a file of tasks is a list", Position(file, 1), "Begin each task with a dash.")
    return content
