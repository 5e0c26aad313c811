"""Reading a suite: the file, a profile over it, `--set` over that; then everything checked and resolved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from sparkbed import documents
from sparkbed.documents import Map, Seq, expect_keys
from sparkbed.durations import seconds
from sparkbed.errors import DocumentError, UsageError
from sparkbed.home import ROOT
from sparkbed.kinds import kind
from sparkbed.nearest import nearest
from sparkbed.position import Position
from sparkbed.suite import cells, fields
from sparkbed.suite.compare import pairs
from sparkbed.suite.factors import DEADLINE, SECTIONS, Factor, assignment, combinations, read_factors, zip_groups
from sparkbed.suite.growing import read_growth
from sparkbed.suite.model import Suite
from sparkbed.suite.overlay import Flag, assign, flag, overlay, parse_sets, path_of
from sparkbed.suite.paper import read_paper
from sparkbed.suite.settings import flatten
from sparkbed.suite.until import read_trials

SUITES = ROOT / "suites"
ORDERS = ("sequential", "blocked", "randomized")
CLUSTERS = ("per-trial", "per-block", "shared")
HOSTS = ("shared", "per-trial")
_RUN = ("trials", "iterations", "warmup", "order", "seed", "cluster", "hosts", "collectors", "metric", "deadline")
_DESIGN = ("factors", "combine", "exclude", "baseline")
_SHAPE = "It begins with 'suite: NAME'; suites/quick.yml is an example."
_PROFILE = ("question", *SECTIONS, *_DESIGN, *_RUN)
KEYS = ("suite", *_PROFILE, "profiles", "paper", "growth")
"""What can stand at the top of a suite."""
_SETTABLE = (*SECTIONS, *_RUN, "question", "factors")


def names() -> list[str]:
    """The suites in suites/, sorted; the nightly plan is none."""
    return sorted({file.stem for file in SUITES.glob("*.y*ml")} - {"nightly"})


def find(name_or_path: str | Path) -> Path:
    """The file of a suite: by its name in suites/, or by a path.

    Raises:
        UsageError: when there is none, naming near ones.
    """
    for candidate in (SUITES / f"{name_or_path}.yml", SUITES / f"{name_or_path}.yaml", Path(name_or_path)):
        if candidate.is_file():
            return candidate
    raise UsageError(f"there is no suite {str(name_or_path)!r}", hint=nearest(name_or_path, names(), every="There are"))


def load(
    path: str | Path,
    *,
    profile: str | None = None,
    sets: Mapping[str, str] | Sequence[str] = (),
    only: str | None = None,
    trials: int | None = None,
    inventory: str | None = None,
) -> Suite:
    """The suite at `path` (or of that name), with a profile, `path=value` changes and choices laid over it.

    Args:
        sets: `settings.executor_memory=1g`, `trials=2`, `parameters.num-tasks=100`, `factors.NAME=[1, 2]`; values are
            YAML.
        only: which cells (see `cells.matching`).
        trials: trials a cell, over what the suite says.
        inventory: a name or path, over what the suite says.

    Raises:
        DocumentError: for what is wrong in the suite or its inventories, with file and line.
        UsageError: for a profile, change or choice that the suite doesn't have.
    """
    file = find(path)
    document = _read(file)
    document = _with_profile(document, profile, file)
    changes = [(path_of(dotted, _SETTABLE, where), value, where) for dotted, value, where in parse_sets(sets)]
    if trials is not None:
        changes.append((("trials",), str(trials), flag(f"--trials {trials}")))
    if inventory is not None:
        changes.append((("inventory",), _quoted(inventory), flag(f"--inventory {inventory}")))
    for keys, value, where in changes:
        document = flatten(assign(document, keys, value, where))
    factors = read_factors(fields.section(document, "factors"))
    for keys, _, where in changes:
        _expect_not_varied(keys, where, factors)
    return _resolve(document, factors, file, profile, only, changed=bool(changes))


def _quoted(value: str) -> str:
    """`value` as a YAML scalar that is read as this very text."""
    return "'" + value.replace("'", "''") + "'"


def _read(file: Path) -> Map:
    document = documents.load(file)
    if document is None:
        raise DocumentError("the suite is empty", where=Position(file, 1), hint=_SHAPE)
    if not isinstance(document, Map):
        raise DocumentError(
            f"a suite is a mapping, not {kind(document)}",
            where=Position(file, 1),
            hint=_SHAPE,
        )
    expect_keys(document, KEYS, "a suite")
    if "suite" not in document:
        raise DocumentError("the suite has no name", where=Position(file, 1), hint="Begin it with 'suite: NAME'.")
    name = fields.text(document, "suite")
    if name is None or not fields.NAME.fullmatch(name):
        raise DocumentError(
            f"{name!r} can't be the name of a suite",
            where=document.where("suite"),
            hint="Names have letters, digits, '-', '_' and '.'.",
        )
    return flatten(document)


def _with_profile(document: Map, profile: str | None, file: Path) -> Map:
    profiles = fields.section(document, "profiles")
    for name in profiles:
        expect_keys(fields.section(profiles, name), _PROFILE, f"profile {name!r}")
    if profile is None:
        return document
    if profile not in profiles:
        raise UsageError(
            f"the suite has no profile {profile!r}",
            where=str(file),
            hint=nearest(profile, [str(name) for name in profiles], every="It has"),
        )
    return overlay(document, fields.section(profiles, profile))


def _expect_not_varied(keys: tuple[str, ...], where: Flag, factors: tuple[Factor, ...]) -> None:
    """A value that a factor sets in its levels can't be set for all cells: the levels would hide it."""
    dotted = ".".join(keys)
    for factor in factors:
        if any(dotted in level.paths() for level in factor.levels):
            levels = ", ".join(level.text for level in factor.levels)
            raise UsageError(
                f"factor {factor.name!r} varies {dotted}",
                where=where,
                hint=f"Choose a level with --only '{factor.name}=LEVEL' (levels: {levels}), or edit the suite.",
            )


def _resolve(
    document: Map, factors: tuple[Factor, ...], file: Path, profile: str | None, only: str | None, *, changed: bool
) -> Suite:
    zips = zip_groups(document.get("combine"), document.where("combine"), factors)
    baseline: dict[str, str] = {}
    if document.get("baseline") is not None:
        baseline = assignment(document["baseline"], document.where("baseline"), factors, "baseline")
    chosen = combinations(factors, zips, _excluded(document, factors))
    if not chosen:
        raise DocumentError(
            "no cell is left: all are excluded", where=document.where("exclude"), hint="Take one exclusion out."
        )
    if baseline and not any(all(one[name].text == level for name, level in baseline.items()) for one in chosen):
        raise DocumentError("no cell has the levels of the baseline", where=document.where("baseline"))
    inventories = cells.Inventories((file.resolve().parent, Path.cwd()))
    built, contents = cells.build(cells.base_of(document), chosen, inventories, document.where("factors"))
    metric = fields.text(document, "metric", "trial_seconds") or ""
    # A profile or a choice on the command line may leave out what the paper had; the suite itself may not.
    repeats = read_paper(document, factors, metric, None if profile or changed else built)
    growth = read_growth(document, built)
    if only is not None:
        built = cells.matching(built, only)
    iterations = fields.whole(document, "iterations", 1, least=1)
    levels = {factor.name: tuple(level.text for level in factor.levels) for factor in factors}
    trials, until = read_trials(document, compared=bool(pairs(built, baseline, levels, tuple(zips))))
    return Suite(
        name=fields.text(document, "suite") or "",
        path=file,
        question=fields.text(document, "question", "") or "",
        profile=profile,
        cells=built,
        factors=levels,
        zips=tuple(zips),
        trials=trials,
        until=until,
        iterations=iterations,
        warmup=_warmup(document, iterations),
        order=fields.one_of(document, "order", ORDERS, "randomized"),
        seed=fields.whole(document, "seed", 1, least=0, most=2**63 - 1),
        cluster=fields.one_of(document, "cluster", CLUSTERS, "per-block"),
        hosts=_hosts(document),
        collectors=fields.texts(document, "collectors", ("eventlog", "host", "python")),
        baseline=baseline,
        metric=metric,
        deadline=_deadline(document, "10m"),
        deadlines={cell.id: _deadline(contents[cell.id]) for cell in built if DEADLINE in contents[cell.id]},
        growth=growth,
        repeats=repeats,
        inventories=inventories.found,
        contents=contents,
        source=document,
    )


def _excluded(document: Map, factors: tuple[Factor, ...]) -> list[dict[str, str]]:
    value = document.get("exclude")
    if value is None:
        return []
    where = document.where("exclude")
    if not isinstance(value, Seq):
        raise DocumentError(
            f"exclude must be a list, not {kind(value)}", where=where, hint="Write it as [{factor: level}]."
        )
    return [assignment(item, value.where(index), factors, "an exclusion") for index, item in enumerate(value)]


def _hosts(document: Map) -> str:
    """How long hosts live. Those of one trial take its cluster with them."""
    hosts = fields.one_of(document, "hosts", HOSTS, "shared")
    if hosts == "per-trial" and fields.one_of(document, "cluster", CLUSTERS, "per-block") != "per-trial":
        raise DocumentError(
            "hosts that end with their trial end its cluster too",
            where=document.where("hosts"),
            hint="Write cluster: per-trial beside hosts: per-trial.",
        )
    return hosts


def _deadline(mapping: Map, default: str | None = None) -> float:
    return seconds(mapping.get(DEADLINE, default), where=mapping.where(DEADLINE), what=DEADLINE)


def _warmup(document: Map, iterations: int) -> int:
    warmup = fields.whole(document, "warmup", 0, least=0)
    if warmup >= iterations:
        raise DocumentError(
            f"warmup is {warmup} of {iterations} iteration{'' if iterations == 1 else 's'}: none would be kept",
            where=document.where("warmup"),
            hint="Set iterations higher than warmup.",
        )
    return warmup
