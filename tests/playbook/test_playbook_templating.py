"""Templates: any text reaches its place unchanged, and is never run or rendered twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import meta

from sparkbed.playbook.arguments import command, options, words
from sparkbed.playbook.names import free_names
from sparkbed.playbook.tags import wanted
from sparkbed.playbook.templating import OMIT, TemplateError, Templates, UndefinedNameError, final
from sparkbed.playbook.variables import Layer, Scope

TEMPLATES = Templates()
NASTY = st.text(
    alphabet=st.one_of(st.sampled_from(list("'\"\\`$;&|{}%#<>()[]\n\t =~*?!")), st.characters(codec="utf-8")),
    max_size=40,
)


def scope(documents: Mapping[str, Any], registered: Mapping[str, Any] | None = None) -> Scope:
    return Scope(TEMPLATES, [Layer(registered or {}, False), Layer(documents, True)], Path("/"))


@given(NASTY)
@settings(deadline=None)
def test_registered_text_passes_unchanged(text: str) -> None:
    names = scope({"again": "{{ said }}", "nested": {"x": ["{{ said }}"]}}, {"said": text})
    assert names.value("{{ said }}") == text
    assert names.value("{{ again }}") == text
    assert names.value("{{ nested }}") == {"x": [text]}
    assert names.value("<{{ said }}>") == f"<{text}>"
    assert names.value({"msg": ["{{ said }}", {"k": "{{ again }}"}]}) == {"msg": [text, {"k": text}]}
    assert names.condition("said == again") is True


@given(NASTY)
@settings(deadline=None)
def test_template_files_keep_text(text: str) -> None:
    path = Path(__file__).parent / "cases" / "templates" / "no_newline.j2"
    names = scope({}, {"people": [text]})
    assert TEMPLATES.file(path, names) == f"{text} ends"


@given(NASTY)
@settings(deadline=None)
def test_quote_and_json_bring_text_back(text: str) -> None:
    import json
    import shlex

    names = scope({}, {"said": text})
    assert shlex.split(names.value("{{ said | quote }}")) == [text]
    assert json.loads(names.value("{{ said | to_json }}")) == text
    assert names.value("{{ said | b64encode | b64decode }}") == text


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | NASTY, lambda leaf: st.lists(leaf) | st.dictionaries(NASTY, leaf)
    )
)
@settings(deadline=None, max_examples=50)
def test_values_keep_their_types(value: Any) -> None:
    names = scope({}, {"it": value})
    result = names.value("{{ it }}")
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ one }}", 1),
        (" {{ one }}", " 1"),
        ("{{ one }}\n", 1),
        ("{{ text }}\n\n", "a\n\n"),
        ("{{ one }}{{ one }}", "11"),
        ("{{ none }}", None),
        ("a{{ none }}", "a"),
        ("{% if false %}x{% endif %}", None),
        ("{{ nope | default(omit) }}", OMIT),
        ("x{{ omit }}", "x"),
        ("x{{ 1 if false }}", "x"),
        ("{{ ['a', 'A'] | unique }}", ["a"]),
        ("{{ {1: 'a', 'b': 1} | to_nice_json(indent=0) }}", '{\n"1": "a",\n"b": 1\n}'),
        ("{{ (nope | upper) | default('x') }}", "x"),
        ("{{ nope.a.b['c'] | default('x') }}", "x"),
        ("{{ own.b }}", 2),
        ("{{ '{{ one }}' }}", "{{ one }}"),
        ("{{ [1, 2] | map('string') }}", ["1", "2"]),
        ("{{ {'a': omit, 'b': 1} }}", {"b": 1}),
        (r"{{ 'a\d' }}\d", r"a\d\d"),
        ("{{ text is match('a') and one is defined }}", True),
    ],
)
def test_what_templates_give(template: str, value: Any) -> None:
    names = scope({"one": 1, "text": "a", "own": {"a": 2, "b": "{{ own.a }}"}})
    assert names.value(template) == value


@pytest.mark.parametrize(
    ("template", "words_of_it"),
    [
        ("{{ nope }}", "'nope' is undefined"),
        ("x{{ nope }}", "'nope' is undefined"),
        ("{{ mapping.nope }}", "object of type 'dict' has no attribute 'nope'"),
        ("{{ loop_one }}", "Recursive loop"),
        ("{{ broken | default('no') }}", "division by zero"),
        ("{{ mapping.keys }}", "not called"),
        ("{{ 'x' | int('a', 'b', 'c', 'd') }}", "argument"),
        ("{{ one", "Syntax error"),
        ("{{ 1 if false }}", "no `else`"),
        ("{{ [1] | shuffle }}", "seed"),
        ("{{ now() - now() }}", "timedelta"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
    ],
)
def test_what_has_no_value(template: str, words_of_it: str) -> None:
    names = scope({"loop_one": "{{ loop_two }}", "loop_two": "{{ loop_one }}", "broken": "{{ 1 / 0 }}", "mapping": {}})
    with pytest.raises(TemplateError, match=words_of_it):
        names.value(template)


@pytest.mark.parametrize("condition", ["one", "'text'", "", None, ["a"], "{{ one }}"])
def test_conditions_must_be_true_or_false(condition: Any) -> None:
    with pytest.raises(TemplateError):
        scope({"one": 1}).condition(condition)


def test_what_a_host_said_never_becomes_a_condition() -> None:
    names = scope({"written": "one == 1", "one": 1}, {"said": "one == 2"})
    assert names.condition("{{ written }}") is True
    with pytest.raises(TemplateError, match="untrusted"):
        names.condition("{{ said }}")


def test_an_undefined_name_in_a_condition_is_named() -> None:
    with pytest.raises(UndefinedNameError, match="'nope' is undefined"):
        scope({}).condition("nope > 1")


def test_markers_do_not_leave() -> None:
    names = scope({"mapping": {"good": 1, "bad": "{{ nope }}"}})
    assert names.value("{{ mapping.good }}") == 1
    with pytest.raises(UndefinedNameError):
        names.value("{{ mapping }}")
    with pytest.raises(UndefinedNameError):
        final(names.resolve("mapping"))


# -- arguments in one line --------------------------------------------------------------------------------------------


def test_options_of_a_command_are_taken_out_of_its_words() -> None:
    assert command("echo  'a  b' chdir=/tmp   a=b") == ("echo  'a  b' a=b", {"chdir": "/tmp"})
    assert command("echo {{ x | default('a b') }}") == ("echo {{ x | default('a b') }}", {})
    assert options("path='/a b' mode=0644 rest") == ({"path": "/a b", "mode": "0644"}, ["rest"])


@given(st.text(alphabet="ab '\"{}\\=\n"))
def test_words_cover_all_that_is_not_blank(text: str) -> None:
    try:
        spans = words(text)
    except ValueError:
        return
    covered = "".join(text[start:end] for start, end in spans)
    assert "".join(covered.split()) == "".join(text.split())


# -- tags ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "only", "skip", "runs"),
    [
        ((), (), (), True),
        (("never",), (), (), False),
        (("never", "a"), ("a",), (), True),
        (("never",), ("all",), (), False),
        (("always",), ("b",), (), True),
        (("always",), ("b",), ("always",), False),
        (("a",), ("b",), (), False),
        ((), ("untagged",), (), True),
        (("a",), ("tagged",), (), True),
        ((), ("tagged",), (), False),
        (("a",), (), ("a",), False),
        (("a",), (), ("tagged",), False),
        (("always",), (), ("all",), True),
        (("a",), ("all",), (), True),
    ],
)
def test_tags(tags: tuple[str, ...], only: tuple[str, ...], skip: tuple[str, ...], runs: bool) -> None:
    assert wanted(tags, only, skip) is runs


def test_threads_that_ask_at_once_compile_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file.j2").write_text("{{ a }} of {{ b }}")
    templates, compiled = Templates(), []
    real = jinja2.Environment.from_string

    def from_string(self: jinja2.Environment, source: Any, *rest: Any, **named: Any) -> jinja2.Template:
        compiled.append(source)
        time.sleep(0.01)  # long enough for every other thread to ask meanwhile
        return real(self, source, *rest, **named)

    monkeypatch.setattr(jinja2.Environment, "from_string", from_string)
    together = threading.Barrier(8)

    def ask(number: int) -> tuple[Any, bool, str]:
        names = Scope(templates, [Layer({"a": number, "b": 8}, False)], tmp_path)
        together.wait(60)
        return (
            names.value("{{ a }} of {{ b }}"),
            names.condition("a < b"),
            templates.file(tmp_path / "file.j2", names),
        )

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert answers == [(f"{number} of 8", True, f"{number} of 8") for number in range(8)]
    assert len(compiled) == 3


@pytest.mark.parametrize(
    "text",
    [
        "{{ a.b[c] }} {{ d | default(e) }} {{ range(f) | list }}",
        "{{ lookup('env', g) }} {{ self.h }} {{ {i: j, 'k': [l, (m, n)]} }}",
        "{% if a is defined and b in c %}{{ d }}{% elif e %}{{ f() }}{% else %}{{ g(h, i=j) }}{% endif %}",
        "{{ a if b else c }} {{ d ~ e }} {{ omit }} {{ -f + g ** h }} {{ not i }} {{ j[k:l] }}{{ m is odd }}",
        "{% filter upper %}{{ a }}{% endfilter %}{% block b %}{{ c }}{% endblock %}{% include d %}",
        "{% raw %}{{ a }}{% endraw %}{# {{ b }} #}{{ c }}",
        "{% for a in b %}{{ a }}{{ c }}{{ loop.index }}{% endfor %}{{ a }}",
        "{% set a = b %}{{ a }}{{ c }}",
        "{% macro a(b, c=d) %}{{ b }}{{ e }}{{ varargs }}{% endmacro %}{{ a(f) }}",
        "{% with a = b %}{{ a }}{{ c }}{% endwith %}{{ a }}",
        "{% set a %}{{ b }}{% endset %}{{ a }}",
        "{% call(a) b() %}{{ a }}{{ c }}{% endcall %}",
        "{% import a as b %}{% from c import d %}{{ b }}{{ d }}{{ e }}",
    ],
)
def test_free_names_are_what_jinja_says(text: str) -> None:
    tree = Templates(lambda *_: None).parse(text)
    assert free_names(tree) == meta.find_undeclared_variables(tree)
