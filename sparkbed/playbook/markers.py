"""Values that are none: what is missing or broken (Jinja's `Undefined`), and `omit`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jinja2
from jinja2.runtime import Undefined
from jinja2.utils import missing

from sparkbed.errors import SparkbedError


class TemplateError(SparkbedError):
    """A template or an expression that has no value; the text says why."""


class UndefinedNameError(TemplateError):
    """A template names something that nothing defines."""


class _BrokenError(jinja2.TemplateRuntimeError):
    """What a broken value raises within Jinja; `final` makes a TemplateError of it."""


class Omit:
    """The value of `omit`: an option that has it is left out."""

    _only: Omit | None = None

    def __new__(cls) -> Omit:
        cls._only = cls._only or super().__new__(cls)
        return cls._only

    def __repr__(self) -> str:
        return "<<Omit>>"


OMIT = Omit()


class Marker(jinja2.StrictUndefined):
    """What is not there. Attributes and items of it are not there either, so `a.b.c | default(1)` works."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name[:2] == "__":
            raise AttributeError(name)
        return self

    def __getitem__(self, key: Any) -> Any:
        return self

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return self._undefined_hint
        if self._undefined_obj is missing:
            return f"{self._undefined_name!r} is undefined"
        kind = "dict" if isinstance(self._undefined_obj, Mapping) else type(self._undefined_obj).__name__
        kind = "list" if isinstance(self._undefined_obj, list) else kind
        return f"object of type {kind!r} has no attribute {self._undefined_name!r}"


class BrokenMarker(Marker):
    """A value whose template failed for another reason than a missing name: `default()` does not replace it."""

    __slots__ = ()


def marker_of(error: Exception) -> Marker:
    """The marker of what went wrong while a template was rendered."""
    if isinstance(error, RecursionError):
        return broken("Recursive loop detected in template.")
    if isinstance(error, jinja2.UndefinedError):
        return Marker(hint=str(error))
    if isinstance(error, jinja2.TemplateSyntaxError):
        return broken(f"Syntax error in template: {error.message}")
    return broken(str(error) or type(error).__name__)


def broken(why: str) -> BrokenMarker:
    return BrokenMarker(hint=why, exc=_BrokenError)


def raise_marker(marker: Undefined) -> None:
    """Raise what `marker` stands for."""
    if not isinstance(marker, Marker):
        # What `a if false` without an `else` gives: it is empty beside text, and no value alone.
        raise TemplateError("an `if` that does not hold and has no `else` gives no value")
    try:
        marker._fail_with_undefined_error()
    except jinja2.UndefinedError as error:
        raise UndefinedNameError(str(error)) from None
    except jinja2.TemplateRuntimeError as error:
        raise TemplateError(str(error)) from None
