"""The settings of cells: one flat mapping, checked against the platform's own table, each at its own line."""

from __future__ import annotations

from sparkbed import platforms
from sparkbed.documents import Map
from sparkbed.errors import DocumentError, UsageError
from sparkbed.kinds import kind
from sparkbed.platforms.settings import checked
from sparkbed.position import Position
from sparkbed.suite.fields import put

# A suite may gather Spark's properties under `spark:`; in a cell they stand beside the platform's settings.
_GATHERED = "spark"


def flatten(document: Map) -> Map:
    """The suite's document with `settings: {spark: {spark.x: 1}}` as `settings: {spark.x: 1}`, wherever settings stand.

    Raises:
        DocumentError: when `spark` is no mapping, or holds what is no property of Spark, or a property stands twice.
    """
    result = Map(document.position)
    for key, value in document.items():
        changed = value
        if isinstance(value, Map):
            if key == "settings":
                changed = _flat(value)
            elif key == "factors":
                changed = _each(value, levels=True)
            elif key == "profiles":
                changed = _each(value, levels=False)
        put(result, key, changed, document.where(key))
    return result


def _each(mapping: Map, *, levels: bool) -> Map:
    """`mapping` with each mapping in it flattened: profiles, or the levels of factors."""
    result = Map(mapping.position)
    for key, value in mapping.items():
        changed = value
        if isinstance(value, Map):
            changed = _each(value, levels=False) if levels else flatten(value)
        put(result, key, changed, mapping.where(key))
    return result


def _flat(settings: Map) -> Map:
    result = Map(settings.position)
    for key, value in settings.items():
        if key != _GATHERED:
            _put_once(result, key, value, settings.where(key))
            continue
        if not isinstance(value, Map):
            raise DocumentError(
                f"settings.spark must be a mapping of Spark's properties, not {kind(value)}",
                where=settings.where(key),
                hint="Write lines such as 'spark.shuffle.compress: false' below it.",
            )
        for name, setting in value.items():
            where = value.where(name)
            if not isinstance(name, str) or not name.startswith("spark."):
                raise DocumentError(
                    f"{name!r} is not a property of Spark",
                    where=where,
                    hint="Their names begin with 'spark.', as in spark.shuffle.compress.",
                )
            _put_once(result, name, setting, where)
    return result


def _put_once(result: Map, key: object, value: object, where: Position) -> None:
    if key in result:
        raise DocumentError(f"setting {key!r} stands twice, also at {result.where(key)}", where=where, hint="Keep one.")
    put(result, key, value, where)


def resolved(settings: Map, platform: str, where: Position) -> Map:
    """The settings as the platform writes them (`gc: g1` is `G1`), with their places; without its defaults.

    Args:
        where: where the platform is named.

    Raises:
        DocumentError: for an unknown platform or setting, a value that it can't have, or values that can't stand
            together (an executor larger than its worker).
    """
    try:
        table = platforms.get(platform).settings()
    except UsageError as error:
        raise DocumentError(error.what, where=where, hint=error.hint) from None
    result = Map(settings.position)
    for name, value in settings.items():
        place = settings.where(name)
        if not isinstance(name, str):
            raise DocumentError(f"the name of a setting must be text, not {kind(name)}", where=place)
        if value is None:
            raise DocumentError(f"setting {name!r} has no value", where=place, hint="Give it one, or take it out.")
        try:
            values = checked(table, {name: value}, platform)
        except UsageError as error:
            raise DocumentError(error.what, where=place, hint=error.hint) from None
        put(result, name, values["spark_properties"][name] if name.startswith("spark.") else values[name], place)
    try:
        platforms.get(platform).resolve(result)
    except UsageError as error:
        # Of several settings that don't fit, the message begins with the one to change.
        named = sorted((error.what.find(name), name) for name in result if name in error.what)
        place = result.where(named[0][1]) if named else settings.position
        raise DocumentError(error.what, where=place, hint=error.hint) from None
    return result
