"""The inventory: which hosts there are, or are to be made, in Ansible's YAML form."""

from sparkbed.inventory.load import load
from sparkbed.inventory.model import Group, Host, HostEntry, Inventory
from sparkbed.inventory.provisioning import WITHOUT_LOGIN, ProvisionSpec, logins, provision_spec, specs

__all__ = [
    "WITHOUT_LOGIN",
    "Group",
    "Host",
    "HostEntry",
    "Inventory",
    "ProvisionSpec",
    "load",
    "logins",
    "provision_spec",
    "specs",
]
