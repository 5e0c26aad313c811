"""Random small plays, by our engine and by the ansible-core that is installed: the same results, recap and end."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from reference import observe  # its folder has to be on the path first

from tests.components import ansible

CONDITIONS = ["n == 1", "n != 2", "n > 1", "seen is defined", "said is not defined or said is succeeded", True, False]
HANDLERS = ["first", "second", "third"]


def _action() -> st.SearchStrategy[dict[str, Any]]:
    """Modules that cost ansible-core little: they all run on the controller."""
    return st.sampled_from(
        [
            {"debug": {"msg": "{{ n }} {{ seen | default('-') }} {{ level }}"}},
            {"fail": {"msg": "{{ n }}"}},
            {"assert": {"that": "n != 2"}},
            {"assert": {"that": "n == 1"}},
            {"set_fact": {"seen": "{{ n }}{{ seen | default('') }}"}},
            {"set_fact": {"level": "fact"}},
            {"debug": {"msg": "{{ said.msg | default('none') }} {{ ansible_play_hosts }}"}},
        ]
    )


@st.composite
def _task(draw: st.DrawFn) -> dict[str, Any]:
    task = dict(draw(_action()))
    chosen = draw(
        st.sets(st.sampled_from(["when", "loop", "register", "notify", "once", "ignore", "vars"]), max_size=3)
    )
    if "when" in chosen:
        task["when"] = draw(st.sampled_from(CONDITIONS))
    if "loop" in chosen:
        task["loop"] = draw(st.sampled_from([[], [1], [1, 2], "{{ [n] }}", "{{ groups.web }}"]))
    if "register" in chosen:
        task["register"] = "said"
    if "notify" in chosen:
        task.update(
            notify=draw(st.sampled_from([*HANDLERS, "topic", ["third", "first"]])), changed_when=draw(st.booleans())
        )
    if "once" in chosen:
        task["run_once"] = True
    if "ignore" in chosen:
        task["ignore_errors"] = True
    if "vars" in chosen:
        task["vars"] = {"level": "task"}
    return task


FILES = ["one.yml", "two.yml"]


@st.composite
def _inclusion(draw: st.DrawFn, files: list[str]) -> dict[str, Any]:
    """An include or an import of one of `files`, or of the role."""
    kinds = ["include_tasks", "include_tasks", "import_tasks"] * bool(files) + ["include_role", "import_role"]
    kind = draw(st.sampled_from(kinds))
    step: dict[str, Any] = {kind: {"name": "role"} if kind.endswith("role") else draw(st.sampled_from(files))}
    chosen = draw(st.sets(st.sampled_from(["when", "vars", "loop", "register", "once", "apply"]), max_size=2))
    if "when" in chosen:
        step["when"] = draw(st.sampled_from(CONDITIONS))
    if "vars" in chosen:
        step["vars"] = {draw(st.sampled_from(["level", "seen"])): "of the inclusion {{ n }}"}
    if not kind.startswith("include"):
        return step
    if "loop" in chosen:
        step["loop"] = draw(st.sampled_from([[], [1, 2], "{{ [n] }}", "{{ ['a', 'b'][:n - 1] }}"]))
    if "register" in chosen:
        step["register"] = "said"
    if "once" in chosen:
        step["run_once"] = True
    if "apply" in chosen:
        named = step[kind] if isinstance(step[kind], dict) else {"file": step[kind]}
        step[kind] = {**named, "apply": {"when": draw(st.sampled_from(CONDITIONS[:3])), "vars": {"level": "applied"}}}
    return step


def _steps(depth: int, files: list[str] | None = None) -> st.SearchStrategy[list[dict[str, Any]]]:
    flush = st.just({"meta": "flush_handlers"})
    step: st.SearchStrategy[dict[str, Any]] = st.one_of(_task(), _task(), _task(), flush)
    if files is not None:
        step = st.one_of(step, step, _inclusion(files))
    if depth:
        step = st.one_of(step, _block(depth - 1, files))
    return st.lists(step, min_size=1, max_size=4)


@st.composite
def _block(draw: st.DrawFn, depth: int, files: list[str] | None) -> dict[str, Any]:
    block: dict[str, Any] = {"block": draw(_steps(depth, files))}
    for part in draw(st.sets(st.sampled_from(["rescue", "always"]))):
        block[part] = draw(_steps(depth, files))
    if draw(st.booleans()):
        block["when"] = draw(st.sampled_from(CONDITIONS[:3]))
    if draw(st.booleans()):
        block["vars"] = {"level": "block"}
    return block


@st.composite
def _play(draw: st.DrawFn, files: list[str] | None = None) -> dict[str, Any]:
    handlers = [
        {"name": name, **draw(_action()), **draw(st.sampled_from([{}, {"listen": "topic"}, {"when": "n == 1"}]))}
        for name in HANDLERS
    ]
    play = {"hosts": draw(st.sampled_from(["all", "web"])), "gather_facts": False, "handlers": handlers}
    play["any_errors_fatal"] = draw(st.sampled_from([False, False, True]))
    if not any(handler.get("listen") for handler in handlers):
        handlers[0]["listen"] = "topic"
    for section in ("pre_tasks", "tasks"):
        play[section] = draw(_steps(2, files))
    if files is not None:
        play["roles"] = draw(
            st.sampled_from(
                [[], ["role"], [{"role": "role", "level": "param"}, "role"], [{"role": "role", "when": "n > 1"}]]
            )
        )
    return play


@st.composite
def _files(draw: st.DrawFn) -> dict[str, Any]:
    """Files of tasks of which the first includes the second, and a role."""
    role = {name: draw(st.sampled_from([{}, {"level": name, "seen": name}])) for name in ("vars", "defaults")}
    return {
        "one.yml": draw(_steps(1, FILES[1:])),
        "two.yml": draw(_steps(1)),
        "roles/role/tasks/main.yml": draw(_steps(1)),
        "roles/role/handlers/main.yml": [{"name": draw(st.sampled_from(HANDLERS)), **draw(_action())}],
        **{f"roles/role/{name}/main.yml": values for name, values in role.items()},
    }


# No shrinking: each try costs ansible-core seconds, and the play is printed as it is.
SOAK = settings(
    max_examples=60, deadline=None, phases=[Phase.reuse, Phase.generate], suppress_health_check=list(HealthCheck)
)


@pytest.mark.soak
@given(st.lists(_play(), min_size=1, max_size=2))
@SOAK
def test_random_plays_end_alike(plays: list[dict[str, Any]]) -> None:
    _compare({"case.yml": plays})


@pytest.mark.soak
@given(_play(FILES), _files())
@SOAK
def test_random_roles_and_includes_end_alike(play: dict[str, Any], files: dict[str, Any]) -> None:
    _compare({"case.yml": [play], **files})


def _compare(files: dict[str, Any]) -> None:
    ansible()
    with tempfile.TemporaryDirectory() as folder:
        text = ""
        for name, content in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("---\n" + yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
            text += f"# {name}\n{path.read_text(encoding='utf-8')}"
        for name in ("ours", "theirs"):
            Path(folder, name).mkdir()
        ours = observe.by_sparkbed(Path(folder, "case.yml"), Path(folder, "ours"))
        theirs = observe.by_ansible(Path(folder, "case.yml"), Path(folder, "theirs"))
        assert observe.differences(ours, theirs) == [], text
