"""Random small playbooks: plays, and the files of tasks and roles that they include.

Most modules here run on the controller, because each that goes to a host costs ansible-core a third of a second.
What docs/playbooks.md lists as different on purpose is not drawn, or not compared.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st
from reference import observe

Step = dict[str, Any]
CONDITIONS = [
    "n == 1", "n != 2", "n > 1", "seen is defined", "said is not defined or said is succeeded", True, False,
    ["n > 1", "n < 3"], "level != 'web'", "data.nope is defined and data.nope.x", "said is defined and said is skipped",
]  # fmt: skip
HANDLERS = ["first", "second", "third"]
SHOWN = "{{ n }} {{ seen | default('-') }} {{ level }}"
PLACES = "{{ said.msg | default('none') }} {{ ansible_play_hosts }} {{ ansible_play_batch }}"
TEMPLATE = "{% for h in ansible_play_hosts %}\n{{ h }} {{ level }}\n{% endfor %}\n{{ seen | default('-') }} {{ n }}\n"
ROLE_HANDLER = {"name": "of the role", "debug": {"msg": SHOWN}, "listen": "topic"}


@dataclass(frozen=True)
class Case:
    """A playbook, the options it is run with, and the files beside it."""

    plays: list[Step]
    options: Step
    files: dict[str, list[Step]]

    def write(self, folder: Path) -> Path:
        """The playbook's path, everything written below `folder`."""
        for name, steps in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("---\n" + dump(steps), encoding="utf-8")
        (folder / "some.j2").write_text(TEMPLATE, encoding="utf-8")
        case = folder / "case.yml"
        case.write_text(f"# options: {json.dumps(self.options)}\n---\n{dump(self.plays)}", encoding="utf-8")
        return case

    def __str__(self) -> str:
        parts = [f"# {name}\n{dump(steps)}" for name, steps in self.files.items()]
        return "\n".join([f"# options: {json.dumps(self.options)}", dump(self.plays), *parts])


def differences(case: Case, ours: observe.Observed, theirs: observe.Observed) -> list[str]:
    """What differs and should not: after `meta: end_...`, ansible-core's return code can contradict its own recap."""
    found = observe.differences(ours, theirs)
    lost = any(counts["failed"] or counts["unreachable"] for counts in theirs.recap.values())
    if "meta: end_" in str(case) and theirs.failed != lost:
        return [line for line in found if not line.startswith("failed: ")]
    return found


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def dump(value: Any) -> str:
    """YAML without anchors: what is drawn twice is written twice."""
    text: str = yaml.dump(value, Dumper=_Plain, sort_keys=False)
    return text


def _controller() -> st.SearchStrategy[Step]:
    return st.sampled_from(
        [
            {"debug": {"msg": SHOWN}},
            {"debug": {"msg": PLACES}},
            {"debug": {"var": "said"}},
            {"fail": {"msg": "{{ n }}"}},
            {"assert": {"that": "n != 2"}},
            {"assert": {"that": ["n == 1", "level != 'web'"]}},
            {"set_fact": {"seen": "{{ n }}{{ seen | default('') }}"}},
            {"set_fact": {"level": "fact"}},
            {"debug": {"msg": "{{ data.nope }}"}},
            {"debug": {"msg": "{{ hostvars.h2.seen | default('-') }} {{ groups.web }}"}},
            {"group_by": {"key": "g{{ n }}"}},
        ]
    )


def _on_host() -> st.SearchStrategy[Step]:
    own = "{{ out }}/{{ inventory_hostname }}"
    return st.sampled_from(
        [
            {"copy": {"content": f"{SHOWN}\n", "dest": f"{own}-copy"}},
            {"lineinfile": {"path": f"{own}-lines", "line": SHOWN, "create": True}},
            {"template": {"src": "some.j2", "dest": f"{own}-template"}},
            {"command": {"cmd": "test {{ n }} -ne 2"}},
            {"file": {"path": f"{own}-dir", "state": "directory", "mode": "0750"}},
        ]
    )


def _included() -> st.SearchStrategy[Step]:
    return st.sampled_from(
        [
            {"include_tasks": "some.yml"},
            # Not as the module's whole text: ansible-core and we refuse it there, for its equals signs.
            {"include_tasks": {"file": "{{ 'some' if n == 1 else 'other' }}.yml"}},
            {"import_tasks": "other.yml"},
            {"include_role": {"name": "one"}},
            {"import_role": {"name": "one"}},
        ]
    )


_ANY = ["when", "tags", "vars"]
_MORE = ["loop", "register", "notify", "once", "ignore", "failed", "changed", "until", "delegate", "check", "no_log"]


@st.composite
def _task(draw: st.DrawFn, *, includes: bool) -> Step:
    kinds = [_controller(), _controller(), _controller(), _on_host(), *([_included()] if includes else [])]
    task = dict(draw(st.one_of(*kinds)))
    name = next(iter(task))
    including = name.startswith(("include", "import"))
    more = [] if name.startswith("import") else ["loop"] if including else _MORE
    chosen = draw(st.sets(st.sampled_from(_ANY + more), max_size=3))
    if "when" in chosen:
        task["when"] = draw(st.sampled_from(CONDITIONS))
    if "loop" in chosen:
        task["loop"] = draw(st.sampled_from([[], [1], [1, 2], "{{ [n] }}", "{{ groups.web }}"]))
    if "register" in chosen:
        task["register"] = "said"
    if "notify" in chosen:
        names = [*HANDLERS, "topic", ["third", "first"], "{{ 'first' if n == 1 else 'second' }}"]
        task.update(notify=draw(st.sampled_from(names)), changed_when=draw(st.sampled_from([True, False, "n != 1"])))
    if "once" in chosen:
        task["run_once"] = True
    if "ignore" in chosen:
        task["ignore_errors"] = draw(st.sampled_from([True, "{{ n == 1 }}"]))
    if "failed" in chosen:
        task["failed_when"] = draw(st.sampled_from([False, "n == 2", ["n > 1", "n < 3"]]))
    if "changed" in chosen:
        task["changed_when"] = draw(st.sampled_from([True, False, "n == 1"]))
    if "until" in chosen:
        task.update(until=draw(st.sampled_from(["n == 1", True])), retries=1, delay=0)
    if "delegate" in chosen and name != "group_by":
        task["delegate_to"] = draw(st.sampled_from(["h1", "localhost", "{{ groups.web | last }}"]))
    if "check" in chosen:
        task["check_mode"] = draw(st.booleans())
    if "no_log" in chosen:
        task["no_log"] = True
    if "tags" in chosen:
        task["tags"] = draw(st.sampled_from(["a", "b", ["a", "always"], "never"]))
    if "vars" in chosen:
        task["vars"] = {"level": "task"}
    return task


def _meta(*, clear: bool) -> st.SearchStrategy[Step]:
    kinds = ["flush_handlers", "flush_handlers", "flush_handlers", "noop", "end_host", "end_play", "end_batch"]
    kinds += ["clear_host_errors"] * 2 * clear
    return st.builds(
        lambda kind, when: {"meta": kind, **({"when": when} if kind.startswith("end") else {})},
        st.sampled_from(kinds),
        st.sampled_from(["n == 1", "n == 3"]),
    )


def _steps(depth: int, *, includes: bool = True, clear: bool = False) -> st.SearchStrategy[list[Step]]:
    task = _task(includes=includes)
    step: st.SearchStrategy[Step] = st.one_of(task, task, task, task, _meta(clear=clear))
    if depth:
        step = st.one_of(step, _block(depth - 1, includes=includes))
    return st.lists(step, min_size=1, max_size=4)


@st.composite
def _block(draw: st.DrawFn, depth: int, *, includes: bool) -> Step:
    block: Step = {"block": draw(_steps(depth, includes=includes))}
    for part in draw(st.sets(st.sampled_from(["rescue", "always"]))):
        block[part] = draw(_steps(depth, includes=includes))
    for key, values in {
        "when": CONDITIONS[:3], "vars": [{"level": "block"}], "tags": ["a", "b"], "ignore_errors": [True],
        "any_errors_fatal": [True], "run_once": [True],
    }.items():  # fmt: skip
        if draw(st.integers(0, 5)) == 0:
            block[key] = draw(st.sampled_from(values))
    return block


@st.composite
def _play(draw: st.DrawFn) -> Step:
    extras = st.sampled_from([{}, {}, {"listen": "topic"}, {"when": "n == 1"}, {"loop": [1, 2]}, {"run_once": True}])
    handlers = [{"name": name, **draw(_controller()), **draw(extras)} for name in HANDLERS]
    if not any(handler.get("listen") for handler in handlers):
        handlers[0]["listen"] = "topic"
    play: Step = {"hosts": draw(st.sampled_from(["all", "web", "all:!h2"])), "gather_facts": False}
    play["vars"] = {"data": {"a": 1}}
    play["handlers"] = handlers
    for key, values in {
        "any_errors_fatal": [True], "serial": [1, 2, "50%", [1, 2]], "force_handlers": [True],
        "max_fail_percentage": [0, 40], "tags": ["a"], "roles": [["one"], [{"role": "one", "when": "n == 1"}]],
        "ignore_errors": [True],
    }.items():  # fmt: skip
        if draw(st.integers(0, 5)) == 0:
            play[key] = draw(st.sampled_from(values))
    # Ansible lets hosts go on behind `clear_host_errors` where they failed in what stands inside something else.
    flat = not play.keys() & {"roles", "force_handlers"} and draw(st.integers(0, 4)) == 0
    for section in ("pre_tasks", "tasks"):
        play[section] = draw(_steps(0, includes=False, clear=True) if flat else _steps(2))
    return play


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """One or two plays over three hosts."""
    options = draw(
        st.sampled_from([{}, {}, {}, {}, {"tags": ["a"]}, {"skip_tags": ["a"]}, {"limit": "h1:h3"}, {"check": True}])
    )
    files = {
        "some.yml": draw(_steps(1, includes=False)),
        "other.yml": draw(_steps(0, includes=False)),
        "roles/one/tasks/main.yml": draw(_steps(1, includes=False)),
        "roles/one/handlers/main.yml": [ROLE_HANDLER],
        "roles/one/defaults/main.yml": {"level": "default", "own": "{{ n }}"},
    }
    return Case(draw(st.lists(_play(), min_size=1, max_size=2)), options, files)
