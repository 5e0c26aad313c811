"""Prints docs/modules.md."""

from sparkbed.playbook.modules.reference import page

print(page(), end="")
