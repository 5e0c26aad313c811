"""Filters that write and read JSON and YAML."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from typing import Any

import yaml
from jinja2.runtime import Undefined

from sparkbed.playbook.filters.base import FilterError, is_list
from sparkbed.playbook.markers import Omit


def _plain(value: Any) -> Any:
    """What json and yaml can write: sequences of any kind as lists, mappings as dicts; undefined parts raise."""
    if isinstance(value, Undefined):
        str(value)
    if isinstance(value, Omit):
        raise FilterError("omit can't be written")
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if is_list(value):
        return [_plain(item) for item in value]
    return value


def to_json(value: Any, **options: Any) -> str:
    options.pop("vault_to_text", None)
    options.pop("preprocess_unsafe", None)
    value = _plain(value)
    # Python can't sort keys of several types, and JSON has only texts.
    return json.dumps(_text_keys(value) if options.get("sort_keys") else value, default=_plain_json, **options)


def _plain_json(value: Any) -> str:
    """What stands in JSON for a value that it has no form for: dates as ISO 8601 writes them."""
    return value.isoformat() if isinstance(value, (datetime.date, datetime.time)) else str(value)


def _text_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key if isinstance(key, str) else json.dumps(key): _text_keys(item) for key, item in value.items()}
    return [_text_keys(item) for item in value] if isinstance(value, list) else value


def to_nice_json(value: Any, indent: int = 4, sort_keys: bool = True, **options: Any) -> str:
    options.pop("separators", None)
    return to_json(value, indent=indent, sort_keys=sort_keys, separators=(",", ": "), **options)


def from_json(text: Any, **_options: Any) -> Any:
    return json.loads(text)


# libyaml's emitter, where PyYAML has it, is what Ansible writes with: it ends scalars without `...`.
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def to_yaml(value: Any, *_args: Any, default_flow_style: bool | None = None, **options: Any) -> str:
    text: str = yaml.dump(
        _plain(value), Dumper=_DUMPER, allow_unicode=True, default_flow_style=default_flow_style, **options
    )
    return text


def to_nice_yaml(value: Any, indent: int = 4, *_args: Any, **options: Any) -> str:
    options.pop("default_flow_style", None)
    return to_yaml(value, indent=indent, default_flow_style=False, **options)


def from_yaml(text: Any) -> Any:
    return yaml.safe_load(text) if isinstance(text, str) else text


def from_yaml_all(text: Any) -> Any:
    return list(yaml.safe_load_all(text)) if isinstance(text, str) else text or []


def pprint(value: Any) -> str:
    return repr(_plain(value))
