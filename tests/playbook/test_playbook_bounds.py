"""Templates and documents that would take all memory or time are errors, and clear ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jinja2.utils import missing

from sparkbed import documents
from sparkbed.errors import DocumentError
from sparkbed.playbook.templating import TemplateError, Templates, final

pytestmark = pytest.mark.timeout(60)


class Names:
    """Variables that are templates themselves."""

    def __init__(self, values: Mapping[str, Any], templates: Templates) -> None:
        self.values, self.templates = values, templates

    def resolve(self, name: str) -> Any:
        return self.templates.value(self.values[name], self) if name in self.values else missing


def value(text: str, **variables: Any) -> Any:
    templates = Templates()
    return final(templates.render(text, Names(variables, templates)))


@pytest.mark.parametrize(
    "text",
    [
        "{{ 'x' * 3000000000 }}",
        "{{ 3000000000 * 'x' }}",
        "{{ [1, 2] * 3000000000 }}",
        "{{ 10 ** (10 ** 10) }}",
        "{{ range(3000000000) | list }}",
        "{{ range(0, 10 ** 30, 2) | list }}",
        "{{ range(0, -(10 ** 30), -1) | list }}",
        "{{ '%3000000000d' % 1 }}",
        "{{ 'x'.ljust(3000000000) }}",
        "{{ ('x' * 100000).replace('x', 'y' * 100000) }}",
        "{% for i in range(100000) %}{{ 'x' * 10000 }}{% endfor %}",
    ],
)
def test_what_is_too_large_is_refused_at_once(text: str) -> None:
    with pytest.raises(TemplateError, match="too large"):
        value(text)


def test_variables_that_double_each_other() -> None:
    doubling = {f"v{number}": f"{{{{ v{number + 1} }}}}{{{{ v{number + 1} }}}}" for number in range(12)}
    with pytest.raises(TemplateError, match="too large"):
        value("{{ v0 }}", **doubling, v12="x" * 100_000)


@pytest.mark.parametrize("text", ["{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "{{ a }}"])
def test_recursion_without_end(text: str) -> None:
    with pytest.raises(TemplateError, match=r"[Rr]ecurs"):
        value(text, a="{{ b }}", b="{{ a }}")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{{ '-' * 79 }}", "-" * 79),
        ("{{ 2 ** 64 }}", 2**64),
        ("{{ (-1) ** 1000001 }}", -1),
        ("{{ 7 % 4 }}", 3),
        ("{{ '%05d %s' % (7, 'x') }}", "00007 x"),
        ("{{ [0] * 3 }}", [0, 0, 0]),
        ("{{ 3 * 4.5 }}", 13.5),
        ("{{ range(3) | list }}", [0, 1, 2]),
        ("{{ range(5, 0, -2) | list }}", [5, 3, 1]),
        ("{{ range(0) | list }}", []),
        ("{{ 'x'.center(5) }}", "  x  "),
        ("{{ nothing * 3 | default(1) is defined }}", None),
    ],
)
def test_what_is_small_is_not(text: str, wanted: Any) -> None:
    if wanted is None:
        with pytest.raises(TemplateError, match="'nothing' is undefined"):
            value(text)
    else:
        assert value(text) == wanted


def test_aliases_of_aliases(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 10)}]" for number in range(1, 9)]
    with pytest.raises(DocumentError, match="too large: with its aliases") as caught:
        documents.parse("\n".join(lines), tmp_path / "book.yml")
    assert "book.yml:6" in str(caught.value)


def test_aliases_that_are_fine(tmp_path: Path) -> None:
    assert documents.parse("a: &a [1, 2]\nb: [*a, *a]\nc: {<<: {d: *a}}", tmp_path) == {
        "a": [1, 2], "b": [[1, 2], [1, 2]], "c": {"d": [1, 2]},
    }  # fmt: skip
    assert documents.parse("", tmp_path) is None
    with pytest.raises(DocumentError, match="recursive"):
        documents.parse("a: &a [*a]", tmp_path)
