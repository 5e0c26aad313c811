"""The modules of the subset.

Their options stand here, a file a family; their work on hosts in `sparkbed.agent.host`, that on the controller in
`controller`.
"""

from __future__ import annotations

from sparkbed.playbook.modules.base import ArgumentError, ModuleSpec, Option, check_arguments, coerce, is_template
from sparkbed.playbook.modules.commands import COMMANDS
from sparkbed.playbook.modules.controls import CONTROLS
from sparkbed.playbook.modules.files import FILES
from sparkbed.playbook.modules.inclusion import INCLUSION
from sparkbed.playbook.modules.network import NETWORK
from sparkbed.playbook.modules.system import SYSTEM

__all__ = ["SPECS", "ArgumentError", "ModuleSpec", "Option", "check_arguments", "coerce", "is_template", "resolve"]

SPECS: dict[str, ModuleSpec] = {
    spec.name: spec for spec in [*FILES, *COMMANDS, *NETWORK, *SYSTEM, *CONTROLS, *INCLUSION]
}
"""Every module of the subset, by its short name."""

_COLLECTIONS = ("ansible.builtin.", "ansible.legacy.")


def resolve(name: str) -> ModuleSpec | None:
    """The module of a short or full name (`copy`, `ansible.builtin.copy`); None when it is not in the subset."""
    for collection in _COLLECTIONS:
        if name.startswith(collection):
            name = name[len(collection) :]
    return SPECS.get(name)
