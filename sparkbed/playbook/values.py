"""The values of keywords that are flags or numbers, or templates of such."""

from __future__ import annotations

from typing import Any

from sparkbed.playbook.templating import TemplateError
from sparkbed.playbook.variables import Scope


def flag(scope: Scope, raw: Any) -> bool:
    """A keyword's value as yes or no; nothing is no."""
    if raw is None or isinstance(raw, bool):
        return bool(raw)
    value = scope.value(raw)
    if isinstance(value, str):
        if value.lower() in ("yes", "on", "1", "true", "y", "t"):
            return True
        if value.lower() in ("no", "off", "0", "false", "n", "f", ""):
            return False
        raise TemplateError(f"the value {value!r} is neither yes nor no")
    return bool(value)


def whole(scope: Scope, name: str, raw: Any) -> int:
    """A keyword's whole number; nothing is 0."""
    if raw is None:
        return 0
    try:
        return int(scope.value(raw))
    except (TypeError, ValueError):
        raise TemplateError(f"{name} must be a whole number, not {raw!r}") from None


def percentage(scope: Scope, raw: Any) -> float | None:
    """The value of max_fail_percentage, with or without its sign."""
    value = scope.value(raw)
    if value is None:
        return None
    try:
        return float(str(value).replace("%", ""))
    except ValueError:
        raise TemplateError(f"max_fail_percentage {value!r} is no percentage") from None
