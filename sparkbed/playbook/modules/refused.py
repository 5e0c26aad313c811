"""Options and choices of Ansible's modules that the subset leaves out, each with its reason.

A test compares this with what ansible-doc says: an option is in the subset or here.
"""

from __future__ import annotations

from collections.abc import Mapping

_ATTRIBUTES = "file attributes are a matter of `chattr`, which not every file system and user has: use `command`"
_SELINUX = "SELinux contexts need its Python binding on the host: use `command` with `chcon` or `semanage`"
_FILES = {
    "attributes": _ATTRIBUTES,
    "attr": _ATTRIBUTES,
    **dict.fromkeys(["selevel", "serole", "setype", "seuser"], _SELINUX),
}
_VAULT = "vaults are outside the subset"
_KERBEROS = "Kerberos needs a library on the host that the agent does not have"
_FREE = "no option in Ansible either: it stands for the free form"
_SOLARIS = "Solaris only; hosts are Linux"
_LOCAL = "needs libuser on the host"

REFUSED: Mapping[str, Mapping[str, str]] = {
    "blockinfile": _FILES,
    "command": {"free_form": _FREE},
    "copy": {**_FILES, "decrypt": _VAULT},
    "file": _FILES,
    "get_url": {**_FILES, "use_gssapi": _KERBEROS},
    "group": {"local": _LOCAL},
    "include_tasks": {"free-form": _FREE},
    "include_vars": {"free-form": _FREE},
    "lineinfile": _FILES,
    "raw": {"free_form": _FREE},
    "replace": _FILES,
    "script": {"free_form": _FREE, "decrypt": _VAULT},
    "service": {"runlevel": "only OpenRC has it, which is outside the subset"},
    "set_fact": {"key_value": "no option in Ansible either: it stands for the names of the facts"},
    "setup": {"fact_path": "facts files of the host's own are not read"},
    "shell": {"free_form": _FREE},
    "template": _FILES,
    "unarchive": {
        **_FILES,
        "copy": "deprecated by Ansible: say `remote_src`",
        "decrypt": _VAULT,
        "io_buffer_size": "the agent's pieces have one size",
        "unsafe_writes": "a rename within a folder is atomic, so nothing needs to be unsafe",
    },
    "uri": {
        **_FILES,
        "decompress": "answers are asked for without compression",
        "unix_socket": "use `command` with `curl --unix-socket`",
        "unsafe_writes": "a rename within a folder is atomic, so nothing needs to be unsafe",
        "use_gssapi": _KERBEROS,
    },
    "user": {
        **dict.fromkeys(["authorization", "profile", "role"], _SOLARIS),
        "hidden": "macOS only; hosts are Linux",
        "local": _LOCAL,
        "login_class": "BSD only; hosts are Linux",
        "seuser": _SELINUX,
        "ssh_key_passphrase": "a key that asks for a passphrase serves no unattended run",
    },
}
"""Module, option, reason."""

CHOICES: Mapping[str, Mapping[str, str]] = {
    "apt": {"state=build-dep": "not built", "state=fixed": "not built"},
    "uri": {"body_format=form-multipart": "not built"},
}
"""The same for choices."""

OURS: Mapping[str, Mapping[str, str]] = {
    "copy": {"thirsty": "an old alias that Ansible takes without listing it"},
    "import_role": {"role": "an alias that Ansible takes without listing it"},
    "include_role": {"role": "an alias that Ansible takes without listing it"},
    "package": {"*": "Ansible passes every other option on to the host's own module, which here is always `apt`"},
    "validate_argument_spec": {"validate_args_context": "what the task of a role's own specification is given"},
}
"""Options that ansible-doc does not list, and why they are taken."""

DIFFERS: Mapping[str, tuple[str, ...]] = {
    "copy": ("files are sent as they are, in pieces, and only when their hash differs; no temporary file on the way",),
    "package": ("on hosts whose packages apt does not manage, it fails",),
    "service": ("systemd where it runs, init scripts elsewhere",),
    "stat": ("`get_mime` and `get_attributes` are false unless asked for: Ansible starts two programs at every stat",),
    "setup": ("no program is started; see docs/playbooks.md for the facts that are not there",),
    "user": ("passwords go to `chpasswd` by its standard input, never to a command line",),
}
"""What a module does otherwise than Ansible's."""
