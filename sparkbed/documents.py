"""YAML documents whose values know their place: mappings and sequences carry file and line.

Scalars are plain Python values (YAML 1.1 as PyYAML and Ansible read it: `yes` is true). Duplicate keys and unknown
tags are errors; `!unsafe` text is marked.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from sparkbed.errors import DocumentError
from sparkbed.position import Position


class Map(dict[Any, Any]):
    """A mapping with its position, and each key's."""

    def __init__(self, position: Position) -> None:
        super().__init__()
        self.position = position
        self.key_positions: dict[Any, Position] = {}

    def where(self, key: Any) -> Position:
        """The place of `key`, or of the mapping itself when it has no such key."""
        return self.key_positions.get(key, self.position)


class Seq(list[Any]):
    """A sequence with its position, and each item's."""

    def __init__(self, position: Position) -> None:
        super().__init__()
        self.position = position
        self.item_positions: list[Position] = []

    def where(self, index: int) -> Position:
        return self.item_positions[index]


class Unsafe(str):
    """Text marked `!unsafe`: braces in it are text, never a template."""

    __slots__ = ()


class _Placed:
    """What both loaders add to PyYAML's: places; `path` is what marks are named by."""

    path: Path
    recursive_objects: dict[yaml.Node, Any]

    def at(self, node: yaml.Node) -> Position:
        return Position(self.path, node.start_mark.line + 1, node.start_mark.column + 1)


class _Loader(_Placed, yaml.SafeLoader):
    """PyYAML's safe loader, whose errors say best what is wrong."""


if yaml.__with_libyaml__:
    from yaml._yaml import CParser

    class _FastLoader(_Placed, Composer, CParser, SafeConstructor, Resolver):
        """libyaml's parser, several times as fast; Ansible takes the same one.

        PyYAML's own composer in C would end this process when a document is nested too deeply.
        """

        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)
            Composer.__init__(self)
            SafeConstructor.__init__(self)
            Resolver.__init__(self)

else:
    _FastLoader = _Loader  # type: ignore[misc,assignment]  # this PyYAML was built without it


# Both build their value before they return it, so that PyYAML itself refuses an alias inside its own anchor.


def _construct_map(loader: _Loader, node: yaml.MappingNode) -> Map:
    merged = any(key.tag == "tag:yaml.org,2002:merge" for key, _ in node.value)
    result = Map(loader.at(node))
    if merged:
        loader.flatten_mapping(node)
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, (str, int, float, bool)) and key is not None:
            raise DocumentError(
                "a mapping or a list can't be a key",
                where=loader.at(key_node),
                hint='Quote the key: a template that stands alone needs quotes, as in "{{ name }}".',
            )
        if key in result and not merged:
            raise DocumentError(
                f"key {key!r} stands twice in this mapping (first at line {result.where(key).line})",
                where=loader.at(key_node),
                hint="Keep one of them.",
            )
        result[key] = loader.construct_object(value_node, deep=True)
        result.key_positions[key] = loader.at(key_node)
    return result


def _construct_seq(loader: _Loader, node: yaml.SequenceNode) -> Seq:
    result = Seq(loader.at(node))
    for item in node.value:
        result.append(loader.construct_object(item, deep=True))
        result.item_positions.append(loader.at(item))
    return result


def _construct_unsafe(loader: _Loader, node: yaml.ScalarNode | yaml.MappingNode | yaml.SequenceNode) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return Unsafe(loader.construct_scalar(node))
    return _unsafe(_construct_map(loader, node) if isinstance(node, yaml.MappingNode) else _construct_seq(loader, node))


def _unsafe(value: Any) -> Any:
    """Every text within `value` marked; mappings and sequences stay the same objects, with their positions."""
    if isinstance(value, Map):
        value.update({key: _unsafe(item) for key, item in value.items()})
    elif isinstance(value, Seq):
        value[:] = [_unsafe(item) for item in value]
    return Unsafe(value) if isinstance(value, str) else value


def _refuse_vault(loader: _Loader, node: yaml.Node) -> Any:
    raise DocumentError(
        f"a value that is encrypted ({node.tag}) can't be read",
        where=loader.at(node),
        hint="Pass the value by -e or by an environment variable: lookup('env', 'NAME').",
    )


for _kind in (_Loader, _FastLoader):
    _kind.add_constructor("!unsafe", _construct_unsafe)
    _kind.add_constructor("!vault", _refuse_vault)
    _kind.add_constructor("!vault-encrypted", _refuse_vault)
    _kind.add_constructor("tag:yaml.org,2002:map", _construct_map)
    _kind.add_constructor("tag:yaml.org,2002:seq", _construct_seq)


LARGEST = 1_000_000
"""Values that a document may have, those behind its aliases counted each time."""


def _refuse_growth(node: yaml.Node, sizes: dict[int, int], loader: _Loader | _FastLoader) -> int:
    """How many values `node` stands for; a few lines of aliases to aliases can stand for billions.

    Raises:
        DocumentError: when they are too many.
    """
    if id(node) in sizes:
        return sizes[id(node)]
    sizes[id(node)] = 0  # an alias within its own anchor is refused where it is constructed
    parts: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        parts = [part for pair in node.value for part in pair]
    elif isinstance(node, yaml.SequenceNode):
        parts = node.value
    size = 1 + sum(_refuse_growth(part, sizes, loader) for part in parts)
    if size > LARGEST:
        raise DocumentError(
            f"too large: with its aliases (*name) it stands for more than {LARGEST:,} values",
            where=loader.at(node),
            hint="Write fewer aliases to what holds aliases itself.",
        )
    sizes[id(node)] = size
    return size


def parse(text: str, path: Path) -> Any:
    """The document in `text`; None if it is empty.

    Raises:
        DocumentError: when it is not YAML, has duplicate keys, or holds more than one document.
    """
    try:
        fast = _FastLoader(text)
        try:
            return _document(fast, path)
        finally:
            fast.dispose()
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError):
        return _explained(text, path)


def _document(loader: _Loader | _FastLoader, path: Path) -> Any:
    loader.path = path
    node = loader.get_single_node()
    if node is None:
        return None
    _refuse_growth(node, {}, loader)
    return loader.construct_document(node)


def _explained(text: str, path: Path) -> Any:
    """`text` read again by the loader that says more, now that something is wrong with it."""
    loader: _Loader | None = None
    try:
        loader = _Loader(text)
        return _document(loader, path)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if mark is not None and error.context_mark is not None and mark.index >= len(text.rstrip()):
            mark = error.context_mark  # something is never closed: its beginning says more than the end of the file
        where = Position(path, mark.line + 1, mark.column + 1) if mark else str(path)
        problem = " ".join(part for part in (error.context, error.problem) if part)
        raise DocumentError(
            f"not valid YAML: {problem}",
            where=where,
            hint="Check the indentation and the quotes on this line and the one before.",
        ) from None
    except yaml.YAMLError as error:
        raise DocumentError(f"not valid YAML: {error}", where=str(path), hint="Is it a text file in UTF-8?") from None
    except (ValueError, OverflowError) as error:
        # PyYAML lets Python's own errors out: a date such as 2024-13-45, a number with too many digits.
        raise DocumentError(
            f"not valid YAML: {error}",
            where=_last_place(loader, path),
            hint="Quote the text that looks like a date or a number.",
        ) from None
    except RecursionError:
        raise DocumentError(
            "nested too deeply to be read", where=str(path), hint="Is a bracket or a quote missing?"
        ) from None
    finally:
        if loader is not None:
            loader.dispose()


def _last_place(loader: _Loader | None, path: Path) -> Position | str:
    """The place of the value that was being built."""
    nodes = list(loader.recursive_objects) if loader is not None else []
    return loader.at(nodes[-1]) if loader is not None and nodes else str(path)


def load(path: Path) -> Any:
    """The document in the file at `path` (see `parse`)."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DocumentError("there is no such file", where=str(path)) from None
    except UnicodeDecodeError as error:
        raise DocumentError(
            f"not UTF-8 at byte {error.start}", where=str(path), hint="Save the file as UTF-8."
        ) from None
    except OSError as error:
        raise DocumentError(f"can't be read: {error.strerror}", where=str(path)) from None
    return parse(text, path)


def plain(value: Any) -> Any:
    """The value with its positions taken off: plain dicts and lists."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def expect_keys(mapping: Map, known: Iterable[str], what: str) -> None:
    """Refuse a key that is not in `known`; `what` names the mapping in the message.

    Raises:
        DocumentError: naming the unknown key, its line, and the nearest or all known ones.
    """
    from difflib import get_close_matches

    names = sorted(known)
    for key in mapping:
        if key not in names:
            near = get_close_matches(str(key), names, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"It can have: {', '.join(names)}."
            raise DocumentError(f"{what} has no key {key!r}", where=mapping.where(key), hint=hint)
