"""docs/modules.md, made from the modules' option tables: `python -m sparkbed.playbook.modules > docs/modules.md`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sparkbed.playbook.modules import SPECS
from sparkbed.playbook.modules.base import ModuleSpec, Option
from sparkbed.playbook.modules.refused import CHOICES, DIFFERS, OURS, REFUSED

HEAD = """\
# Modules

Made by `python -m sparkbed.playbook.modules > docs/modules.md`; a test keeps it true, and another compares the options
with ansible-doc's. [playbooks.md](playbooks.md) says how plays are written.

A module goes by its short name or as `ansible.builtin.NAME`. Options mean what they mean in Ansible. Types: `path` is a
text in which the host expands `~` and its variables; `mode` is octal (quoted, or with a leading 0) or symbolic
(`u+rwX,go-w`); a `list` may be a text with commas; `raw` is taken as it is. In check mode a module foretells what it
would do, or is skipped.
"""

SHOWS_DIFF = frozenset(["apt", "blockinfile", "copy", "file", "lineinfile", "replace", "template"])
ABOUT = {
    "add_host": "a host for the plays that follow, in memory",
    "apt": "packages of Debian and its kin",
    "assert": "fails unless conditions hold",
    "blockinfile": "a block of lines between markers in a file",
    "command": "a program, without a shell",
    "copy": "a file or a folder of the controller, or a text, to hosts",
    "debug": "shows a text or a value",
    "fail": "fails",
    "fetch": "a file of a host to the controller",
    "file": "a file's, folder's or link's existence and attributes",
    "find": "files by name, age, size, mode and content",
    "get_url": "a file from a URL, with its checksum",
    "group": "a group of the system",
    "group_by": "groups from a value, for the plays that follow",
    "import_role": "a role, read with the playbook",
    "import_tasks": "a file of tasks, read with the playbook",
    "include_role": "a role, when the task is reached",
    "include_tasks": "a file of tasks, when the task is reached",
    "include_vars": "variables from files",
    "lineinfile": "one line in a file",
    "package": "packages, by the host's own manager",
    "pause": "waits",
    "ping": "whether a host's Python works",
    "pip": "Python packages",
    "raw": "a shell line without any Python on the host",
    "replace": "text in a file, by a regular expression",
    "script": "a script of the controller, run on hosts",
    "service": "a service: running or not, at boot or not",
    "set_fact": "variables of a host",
    "setup": "facts of a host",
    "shell": "a shell line",
    "slurp": "a file's content, in base64",
    "stat": "what is known of a file",
    "systemd": "a unit of systemd",
    "systemd_service": "a unit of systemd",
    "tempfile": "a temporary file or folder",
    "template": "a Jinja2 template, rendered to a file",
    "unarchive": "an archive, unpacked",
    "uri": "a web service, asked",
    "user": "a user of the system",
    "validate_argument_spec": "arguments, checked against their description",
    "wait_for": "waits for a port, a file or a text",
    "wait_for_connection": "waits until a host can be worked on",
}


def page() -> str:
    """The whole page."""
    parts = [HEAD, "| module | what it is for | check mode | shows a diff |\n|---|---|---|---|"]
    parts[-1] += "".join(f"\n{_row(SPECS[name])}" for name in sorted(SPECS)) + "\n"
    parts += ["\n".join(_section(SPECS[name])) for name in sorted(SPECS)]
    return "\n".join(parts)


def _row(spec: ModuleSpec) -> str:
    check = "foretells" if spec.check == "supported" else "skipped"
    diff = "yes" if spec.name in SHOWS_DIFF else ""
    return f"| [`{spec.name}`](#{spec.name}) | {ABOUT.get(spec.name, '')} | {check} | {diff} |"


def _section(spec: ModuleSpec) -> Iterator[str]:
    yield f"## {spec.name}\n"
    if spec.free_form:
        yield "Takes a free form: the text is the command, and `name=value` words of its options are taken out of it.\n"
    if spec.any_options:
        yield "Takes any names: they are the user's own.\n"
    options = {name: option for name, option in spec.options.items() if not name.startswith("_")}
    if options:
        yield "| option | type | default | choices | other names |\n|---|---|---|---|---|"
        yield from (_option(name, option) for name, option in options.items())
        yield ""
    for names in spec.exclusive:
        yield f"Not together: {_listed(names)}.\n"
    for names in spec.one_of:
        yield f"One is needed: {_listed(names)}.\n"
    refused = {**REFUSED.get(spec.name, {}), **CHOICES.get(spec.name, {})}
    if refused:
        yield "Refused:\n"
        yield from (f"- {_listed(names)}: {reason}" for reason, names in _by_reason(refused.items()))
        yield ""
    ours = OURS.get(spec.name, {})
    for name, reason in ours.items():
        yield f"Taken though ansible-doc does not list {'them' if name == '*' else f'`{name}`'}: {reason}.\n"
    if spec.name in DIFFERS:
        yield f"Differs: {'; '.join(DIFFERS[spec.name])}.\n"


def _option(name: str, option: Option) -> str:
    if option.required:
        default = "needed"
    elif option.default is None:
        default = ""
    else:
        default = (
            f"`{option.default!r}`" if not isinstance(option.default, bool) else f"`{str(option.default).lower()}`"
        )
    cells = [f"`{name}`", option.type, default, _listed(option.choices), _listed(option.aliases)]
    # Within a table a bar would end the cell.
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _by_reason(refused: Iterable[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for name, reason in refused:
        found.setdefault(reason, []).append(name)
    return list(found.items())


def _listed(names: Iterable[str]) -> str:
    return ", ".join(
        f"`{name!r}`" if "\n" in name or "\r" in name else f"`{name}`" for name in names if name[:1] != "_"
    )
