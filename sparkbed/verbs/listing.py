"""`inv list`: what there is to run."""

from __future__ import annotations

from sparkbed import documents, platforms, workloads
from sparkbed.errors import UsageError
from sparkbed.home import ROOT
from sparkbed.nearest import nearest
from sparkbed.suite import find, names
from sparkbed.suite.paper import words_of
from sparkbed.table import table

NODE_KINDS = [
    ["process", "an SSH server on a loopback address of this machine; needs nothing (the default)"],
    ["netns", "this machine's files with an address, hostname, processes and limits of its own; needs root and sshd"],
    ["container", "a Docker container with a system, a network address and an SSH server of its own; root logs in"],
    ["vm", "a virtual machine of QEMU's, under KVM where that works, else emulated; root logs in"],
]


def show(what: str) -> None:
    """Print one list, or all of them for an empty name.

    Raises:
        UsageError: when there is no list of that name.
    """
    lists = {
        "suites": _suites,
        "workloads": _workloads,
        "platforms": _platforms,
        "nodes": _nodes,
        "inventories": _inventories,
    }
    if what and what not in lists:
        raise UsageError(f"there is no list {what!r}", hint=nearest(what, list(lists), every="There are"))
    for number, name in enumerate([what] if what else lists):
        if number:
            print()
        lists[name](detailed=bool(what))


def _suites(detailed: bool) -> None:
    del detailed
    rows = []
    for name in names():
        document = documents.load(find(name))
        rows.append([name, str(document.get("question", "")), words_of(document)])
    table(["suite", "question", "paper"], rows)


def _workloads(detailed: bool) -> None:
    rows = [[w.name, w.language, w.title] for w in workloads.catalogue().values()]
    table(["workload", "language", "what it does"], rows)
    if detailed:
        for workload in workloads.catalogue().values():
            print(f"\n{workload.name}: {workload.title} (source: {workload.source})")
            table(
                ["parameter", "type", "default", "scales", "meaning"],
                [
                    [p.name, p.type, "" if p.default is None else str(p.default), "yes" if p.scales else "", p.meaning]
                    for p in workload.parameters.values()
                ],
            )


def _platforms(detailed: bool) -> None:
    for name in platforms.names():
        table(["platform"], [[name]])
        if detailed:
            rows = [[s.name, s.kind, str(s.default), s.meaning] for s in platforms.get(name).settings()]
            table(["setting", "type", "default", "meaning"], rows)


def _nodes(detailed: bool) -> None:
    del detailed
    table(["node kind", "what it is"], NODE_KINDS)


def _inventories(detailed: bool) -> None:
    del detailed
    rows = [[path.stem, str(path.relative_to(ROOT))] for path in sorted((ROOT / "inventories").glob("*.yml"))]
    table(["inventory", "file"], rows)
