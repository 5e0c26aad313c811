"""Jinja2 as Ansible 2.19 uses it: strict, with native types where a template is one expression.

`render` gives the value of a template. A value that is missing or broken is no exception yet but a *marker* (a Jinja
`Undefined`), because `default()` and `is defined` may still ask for it; `final` turns markers into a TemplateError.
Text that came from hosts or from `register` is never a template.
"""

from __future__ import annotations

import ast
import datetime
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Protocol

import jinja2
from jinja2 import nodes
from jinja2.compiler import Frame
from jinja2.environment import TemplateModule
from jinja2.lexer import Lexer
from jinja2.nativetypes import NativeCodeGenerator
from jinja2.runtime import Context, Undefined
from jinja2.sandbox import SandboxedEnvironment
from jinja2.utils import missing

from sparkbed.documents import Unsafe
from sparkbed.playbook import bounds, filters, tests
from sparkbed.playbook.markers import (
    OMIT,
    BrokenMarker,
    Marker,
    Omit,
    TemplateError,
    UndefinedNameError,
    marker_of,
    raise_marker,
)

__all__ = [
    "OMIT",
    "BrokenMarker",
    "Constant",
    "Marker",
    "Names",
    "Omit",
    "TemplateError",
    "Templates",
    "UndefinedNameError",
    "final",
    "is_all_template",
    "is_template",
    "names_of",
    "raise_marker",
    "shown",
]

SCOPE = "\0scope"
"""The key under which a template's context holds its names."""
_MARKS = ("{{", "{%", "{#")


class Names(Protocol):
    """Where a template's names come from."""

    def resolve(self, name: str) -> Any:
        """The value of `name`, or Jinja's `missing`."""

    def wrote(self, text: str) -> bool:
        """Whether `text` stands in a document: only such text may become an expression."""


_current: ContextVar[Names] = ContextVar("the names of the template that is being rendered")


def names_of(context: Context) -> Any:
    """The names of a template; those of the one that imports it where it was imported without its context."""
    found = context.parent.get(SCOPE)
    return _current.get() if found is None else found


class _Context(Context):
    """A template's names: its own, Jinja's globals, then the scope's. Variables win over globals."""

    def resolve_or_missing(self, key: str) -> Any:
        if key in self.vars:
            return self.vars[key]
        scope = self.parent.get(SCOPE)
        if scope is not None and key not in self.exported_vars and key not in _ALWAYS_OURS:
            own = self.parent.get(key, missing)
            if own is missing or self.environment.globals.get(key, missing) is own:
                value = scope.resolve(key)
                if value is not missing:
                    return value
            return own
        return self.parent.get(key, missing)


_ALWAYS_OURS = frozenset(["omit", "lookup", "query"])


class _CodeGenerator(NativeCodeGenerator):
    """Keeps every expression a value of its own; only the text between them is constant."""

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, _finalize: Any) -> Any:
        if isinstance(node, nodes.TemplateData):
            return node.as_const(frame.eval_ctx)
        raise nodes.Impossible

    def visit_Const(self, node: nodes.Const, frame: Frame) -> None:
        """A constant text with a template in it: conditions render it, and so do lookups that are given it."""
        if isinstance(node.value, str) and is_template(node.value):
            self.write(f"environment.constant(context, {node.value!r})")
        else:
            super().visit_Const(node, frame)


class Constant(str):
    """A text that a template's author wrote between quotes, with a template in it."""

    __slots__ = ()


class _Lexer(Lexer):
    """Keeps backslashes in the strings of `{{ }}` as they are: YAML has read them already."""

    def tokeniter(self, *args: Any, **kwargs: Any) -> Iterator[tuple[int, str, str]]:
        inside = False
        for line, kind, text in super().tokeniter(*args, **kwargs):
            if kind == "variable_begin":
                inside = True
            elif kind == "variable_end":
                inside = False
            yield line, kind, text.replace("\\", "\\\\") if inside and kind == "string" else text


def _pieces(parts: Iterable[Any]) -> Iterator[Any]:
    for part in parts:
        if isinstance(part, TemplateModule):
            yield from _pieces(part._body_stream)
        elif part is not None:
            yield part


def _join(parts: Iterable[Any]) -> Any:
    """The value of a template: that of its only expression, or text. Nothing at all is None."""
    pieces = list(bounds.bounded(_pieces(parts)))
    if not pieces:
        return None
    if len(pieces) == 1:
        return pieces[0]
    for piece in pieces:
        if isinstance(piece, Marker):
            return piece
    return "".join([piece if type(piece) is str else _text(piece) for piece in pieces])


def _text(value: Any) -> str:
    """What stands for `value` beside other text: nothing for `omit` and for an `if` without its `else`."""
    if isinstance(value, Omit) or (isinstance(value, Undefined) and not isinstance(value, Marker)):
        return ""
    if isinstance(value, range):
        return str(value)
    return str(final(value, omit=False))


def _now(utc: bool = False, fmt: str | None = None) -> Any:
    moment = datetime.datetime.now(datetime.timezone.utc if utc else None).replace(tzinfo=None)
    return moment.strftime(fmt) if fmt else moment


def _undef(hint: str | None = None) -> Marker:
    return Marker(hint=hint or "Mandatory variable has not been overridden")


class _Environment(SandboxedEnvironment):
    """Shared by all templates of one kind: playbooks' strings, or files with their own delimiters."""

    code_generator_class = _CodeGenerator
    context_class = _Context
    concat = staticmethod(_join)
    intercepted_binops = bounds.OPERATORS

    def __init__(
        self, *, keep_backslashes: bool, constants: Callable[[str, Names], Any] | None = None, **options: Any
    ) -> None:
        super().__init__(
            undefined=Marker, autoescape=False, optimized=False, **{"trim_blocks": True, **options}, cache_size=0
        )
        self.own_lexer = _Lexer(self) if keep_backslashes else None
        self._constants = constants
        filters.install(self.filters)
        tests.install(self.tests)
        self.globals.update(omit=OMIT, range=bounds.bounded_range, now=_now, undef=_undef)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        bounds.operation(operator, left, right)
        return super().call_binop(context, operator, left, right)

    def call(self, context: Context, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        bounds.calling(function, args)
        return super().call(context, function, *args, **kwargs)

    def constant(self, context: Context, text: str) -> Any:
        """The value of a constant text with a template in it."""
        if self._constants is None:
            return Constant(text)
        return final(self._constants(text, names_of(context)))

    @property
    def lexer(self) -> Lexer:
        return self.own_lexer or super().lexer


def is_template(value: Any) -> bool:
    """Whether `value` is text with a template in it, or holds such text."""
    if isinstance(value, str):
        return ("{{" in value or "{%" in value or "{#" in value) and not isinstance(value, Unsafe)
    if isinstance(value, Mapping):
        return any(is_template(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(is_template(item) for item in value)
    return False


def final(value: Any, *, omit: bool = True) -> Any:
    """`value` as plain data: markers raise, omitted members are left out, iterables become lists.

    Raises:
        TemplateError: when a part of it is missing or broken.
    """
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None or kind is float:
        return value
    if isinstance(value, Undefined):
        raise_marker(value)
    if isinstance(value, Omit):
        return value
    if isinstance(value, Mapping):
        return {
            final(key): final(item, omit=omit) for key, item in value.items() if not (omit and isinstance(item, Omit))
        }
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, (datetime.date, datetime.time)):
        return value
    if isinstance(value, bytes):
        raise TemplateError("bytes are no value; decode them")
    if callable(value) and not isinstance(value, Iterable):
        raise TemplateError(f"a function is no value: {getattr(value, '__name__', value)!r} is not called")
    if isinstance(value, range):
        raise TemplateError("a range is no value; write `range(...) | list`")
    if isinstance(value, Iterable):
        return [final(item, omit=omit) for item in value if not (omit and isinstance(item, Omit))]
    raise TemplateError(f"a {type(value).__name__} is no value that a variable can have")


def shown(value: Any) -> Any:
    """`final`, but a text stands for each part that is undefined, numbered from 1, as Ansible's `debug` shows it."""
    numbers = itertools.count(1)

    def replaced(part: Any) -> Any:
        if isinstance(part, Marker) and not isinstance(part, BrokenMarker):
            return f"<< error {next(numbers)} - {part._undefined_message} >>"
        if isinstance(part, Mapping):
            return {key: replaced(item) for key, item in part.items()}
        return [replaced(item) for item in part] if isinstance(part, (list, tuple)) else part

    return final(replaced(value))


_LOOKUPS = ("lookup", "query", "q")


class Templates:
    """Compiles each text once, for all hosts. Safe to use from several threads.

    `lookup` answers `lookup(kind, *terms)` in templates.
    """

    def __init__(self, lookup: Callable[..., Any] | None = None) -> None:
        # Of the threads of all hosts, which come to a text at once, one compiles it.
        self._compiling = threading.RLock()
        self._files: dict[tuple[Any, ...], tuple[str, jinja2.Template]] = {}
        self._compiled: dict[tuple[str, bool], jinja2.Template] = {}
        # What the check ahead of a run parsed, the run need not parse again.
        self._trees: dict[str, nodes.Template] = {}
        self._condition_trees: dict[str, nodes.Template] = {}
        self._environment = _Environment(keep_backslashes=True)
        self._conditions = _Environment(keep_backslashes=False, constants=self.render)
        if lookup:
            for environment in (self._environment, self._conditions):
                environment.globals.update(lookup=lookup, query=_query(lookup), q=_query(lookup))

    # -- values ---------------------------------------------------------------------------------------------------

    def render(self, text: str, names: Names) -> Any:
        """The value of `text` as a template; a marker if it has none."""
        try:
            compiled = self._template(text)
        except jinja2.TemplateSyntaxError as error:
            return marker_of(error)
        result = self._run(compiled, names)
        # Jinja drops one newline at the end; a text keeps as many as it was written with.
        if text.endswith("\n") and isinstance(result, str):
            result += "\n" * max(0, _trailing(text, "\n") - _trailing(result, "\n"))
        return result

    def value(self, raw: Any, names: Names) -> Any:
        """`raw` with every template in it rendered; markers may remain inside (see `final`)."""
        if isinstance(raw, str):
            return self.render(raw, names) if is_template(raw) else raw
        if isinstance(raw, Mapping):
            return {key: self.value(item, names) for key, item in raw.items()}
        if isinstance(raw, (list, tuple)):
            return [self.value(item, names) for item in raw]
        return raw

    def expression(self, text: str, names: Names, *, condition: bool = False) -> Any:
        """The value of a bare expression, as in `when` (`condition`: backslashes mean what they do in Jinja)."""
        try:
            compiled = self._expression(text, condition)
        except jinja2.TemplateSyntaxError as error:
            return marker_of(error)
        return self._run(compiled, names)

    def condition(self, raw: Any, names: Names) -> bool:
        """Whether the conditional `raw` holds.

        Raises:
            TemplateError: when it is no boolean, as Ansible 2.19 wants it, or has no value.
        """
        if isinstance(raw, bool):
            return raw
        if isinstance(raw, str) and is_all_template(raw.strip()):
            raw = final(self.render(raw.strip(), names))
            if isinstance(raw, str) and raw.strip() and not names.wrote(raw):
                raise TemplateError("Encountered untrusted template or expression.")
        if isinstance(raw, bool):
            return raw
        if raw is None or (isinstance(raw, str) and not raw.strip()):
            raise TemplateError("Empty conditional expressions are not allowed.")
        if not isinstance(raw, str):
            raise TemplateError("Conditional expressions must be strings.")
        try:
            result = final(self.expression(raw.strip(), names, condition=True))
        except UndefinedNameError as error:
            raise UndefinedNameError(f"Error while evaluating conditional: {error}") from None
        if isinstance(result, bool):
            return result
        raise TemplateError(
            f"Conditional result ({bool(result)}) was derived from value of type {type(result).__name__!r}. "
            "Conditionals must have a boolean result."
        )

    def file(self, path: Path, names: Names, search: Iterable[Path] = (), **options: Any) -> Any:
        """What a template file gives: text that ends as the file does, or the value of its one expression, or nothing.

        Args:
            search: where its includes are looked for.
            options: Jinja's.

        Raises:
            TemplateError: naming the file's line when it can be told.
        """
        text, template = self._file(path, tuple(search), options)
        try:
            result = final(self._run(template, names))
        except TemplateError as error:
            raise type(error)(f"{path}: {error}") from None
        if not isinstance(result, str):
            return result
        newline: str = options.get("newline_sequence", "\n")
        lacking = _trailing(text, "\n") - _trailing(result, newline)
        return result + newline * max(0, lacking)

    def _file(self, path: Path, search: tuple[Path, ...], options: Mapping[str, Any]) -> tuple[str, jinja2.Template]:
        """The text of a template file and what it compiles to, kept until the file changes."""
        about = path.stat()
        key = (path, search, about.st_mtime_ns, about.st_size, tuple(sorted(options.items())))
        found = self._files.get(key)
        if found is None:
            with self._compiling:
                found = self._files.get(key) or self._compiled_file(path, search, options)
                self._files[key] = found
        return found

    def _compiled_file(
        self, path: Path, search: tuple[Path, ...], options: Mapping[str, Any]
    ) -> tuple[str, jinja2.Template]:
        try:
            text = path.read_text(encoding="utf-8")
            own, text = _headed(text)
            environment = _Environment(
                keep_backslashes=False,
                loader=jinja2.FileSystemLoader([str(folder) for folder in (*search, path.parent)]),
                **{**options, **own},
            )
            environment.globals.update(
                {name: self._environment.globals[name] for name in _LOOKUPS if name in self._environment.globals}
            )
            return text, environment.from_string(text)
        except UnicodeDecodeError as error:
            raise TemplateError(f"{path} is not UTF-8 at byte {error.start}") from None
        except jinja2.TemplateSyntaxError as error:
            raise TemplateError(f"{path}:{error.lineno}: {error.message}") from None
        except ValueError as error:
            raise TemplateError(f"{path}:1: {error}") from None

    # -- for checks ahead of a run --------------------------------------------------------------------------------

    @property
    def filters(self) -> Mapping[str, Any]:
        return self._environment.filters

    @property
    def tests(self) -> Mapping[str, Any]:
        return self._environment.tests

    def parse(self, text: str) -> nodes.Template:
        """The syntax tree of a template."""
        if text not in self._trees:
            self._trees[text] = self._environment.parse(text)
        return self._trees[text]

    def parse_file(self, text: str, **options: Any) -> nodes.Template:
        """The syntax tree of a template file with its own delimiters."""
        own, body = _headed(text)
        return _Environment(keep_backslashes=False, **{**options, **own}).parse(body)

    def parse_expression(self, text: str) -> nodes.Template:
        """The syntax tree of a bare expression."""
        if text not in self._condition_trees:
            self._condition_trees[text] = _expression_tree(self._conditions, text)
        return self._condition_trees[text]

    # -- compiling and running ------------------------------------------------------------------------------------

    def _template(self, text: str) -> jinja2.Template:
        key = (text, False)
        found = self._compiled.get(key)
        if found is None:
            with self._compiling:
                found = self._compiled.get(key) or self._environment.from_string(self._trees.get(text, text))
                self._compiled[key] = found
        return found

    def _expression(self, text: str, condition: bool) -> jinja2.Template:
        key = (f"\0{text}", condition)
        found = self._compiled.get(key)
        if found is None:
            with self._compiling:
                found = self._compiled.get(key) or self._compiled_expression(text, condition)
                self._compiled[key] = found
        return found

    def _compiled_expression(self, text: str, condition: bool) -> jinja2.Template:
        """A template whose only content is the expression, so that nothing in `text` can end it early."""
        if condition:
            return self._conditions.from_string(self.parse_expression(text))
        tree = _expression_tree(self._environment, text.replace("\\", "\\\\"))
        return self._environment.from_string(tree)

    def _run(self, template: jinja2.Template, names: Names) -> Any:
        environment = template.environment
        parent = {**environment.globals, SCOPE: names}
        before = _current.set(names)
        context = environment.context_class(environment, parent, template.name, template.blocks, environment.globals)
        try:
            return _join(template.root_render_func(context))
        except UndefinedNameError as error:
            return Marker(hint=str(error))
        except Exception as error:  # noqa: BLE001  # a filter can raise anything; the task reports it with its line
            return marker_of(error)
        finally:
            _current.reset(before)


def _expression_tree(environment: _Environment, text: str) -> nodes.Template:
    parser = jinja2.parser.Parser(environment, text, state="variable")
    body = parser.parse_expression()
    if not parser.stream.eos:
        raise jinja2.TemplateSyntaxError("chunk after expression", parser.stream.current.lineno, None, None)
    tree = nodes.Template([nodes.Output([body], lineno=1)], lineno=1)
    tree.set_environment(environment)
    return tree


_HEADER = "#jinja2:"


def _headed(text: str) -> tuple[dict[str, Any], str]:
    """What the first line `#jinja2: trim_blocks: False, ...` of a template file asks for, and the lines below it."""
    if not text.startswith(_HEADER):
        return {}, text
    head, _, body = text.partition("\n")
    asked: dict[str, Any] = {}
    for pair in head.removeprefix(_HEADER).split(","):
        key, colon, value = pair.partition(":")
        if not colon or key.strip() not in _IN_HEADER:
            raise ValueError(f"{_HEADER} takes `option: value, ...`, not {pair.strip()!r}")
        try:
            asked[key.strip()] = ast.literal_eval(value.strip())
        except (ValueError, SyntaxError):
            raise ValueError(f"{_HEADER} takes Python's True, False and quoted texts, not {value.strip()!r}") from None
    return asked, body


_IN_HEADER = frozenset(
    [
        "block_start_string",
        "block_end_string",
        "variable_start_string",
        "variable_end_string",
        "comment_start_string",
        "comment_end_string",
        "trim_blocks",
        "lstrip_blocks",
        "newline_sequence",
        "line_comment_prefix",
        "line_statement_prefix",
    ]
)


def _query(lookup: Callable[..., Any]) -> Callable[..., Any]:
    @jinja2.pass_context
    def query(context: Context, kind: str, *terms: Any, **options: Any) -> Any:
        return lookup(context, kind, *terms, **{**options, "wantlist": True})

    return query


def is_all_template(text: str) -> bool:
    """Whether `text` begins and ends with Jinja's delimiters."""
    return text.startswith(_MARKS) and text.endswith(("}}", "%}", "#}"))


def _trailing(text: str, newline: str) -> int:
    count = 0
    while text.endswith(newline):
        text = text[: -len(newline)]
        count += 1
    return count
