"""The facts of a host, under Ansible's names."""

import fnmatch
import importlib

from .framing import Call, Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

COLLECTORS = {
    "platform": ("system", "system kernel kernel_version machine python_version architecture machine_id"),
    "distribution": ("system", "distribution_version distribution_release distribution_major_version os_family"),
    "lsb": ("system", ""),
    "selinux": ("system", ""),
    "apparmor": ("system", ""),
    "chroot": ("system", "is_chroot"),
    "fips": ("system", ""),
    "python": ("system", ""),
    "pkg_mgr": ("system", ""),
    "service_mgr": ("system", ""),
    "cmdline": ("system", ""),
    "date_time": ("system", ""),
    "env": ("system", ""),
    "loadavg": ("system", ""),
    "ssh_pub_keys": (
        "system",
        "ssh_host_pub_keys ssh_host_key_dsa_public ssh_host_key_rsa_public ssh_host_key_ecdsa_public "
        "ssh_host_key_ed25519_public",
    ),
    "user": (
        "system",
        "user_id user_uid user_gid user_gecos user_dir user_shell real_user_id effective_user_id effective_group_ids",
    ),
    "virtual": (
        "virtual",
        "virtualization_type virtualization_role virtualization_tech_guest virtualization_tech_host",
    ),
    "hardware": ("hardware", "processor processor_cores processor_count mounts devices"),
    "dns": ("system", ""),
    "network": ("network", "interfaces default_ipv4 default_ipv6 all_ipv4_addresses all_ipv6_addresses"),
    "local": ("system", ""),
}
"""Collector: the file that has it, and further words of `gather_subset` that mean it."""

_MINIMUM = (
    "apparmor cmdline date_time distribution dns env fips local lsb pkg_mgr platform python selinux service_mgr "
    "ssh_pub_keys user"
)
MINIMUM = frozenset(_MINIMUM.split())
NEEDS = {
    "hardware": ("platform",),
    "network": ("platform", "distribution"),
    "pkg_mgr": ("distribution",),
    "service_mgr": ("platform", "distribution"),
}
# Ansible's words for facts that we do not gather: asking for them is no error.
WITHOUT = frozenset(["caps", "facter", "fibre_channel_wwn", "iscsi", "nvme", "ohai", "systemd", "system_capabilities"])


def setup(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    subset = args.get("gather_subset") or ["all"]
    facts = {"gather_timeout": args.get("gather_timeout")}  # type: dict[str, Any]
    for name in selected(subset):
        collect = getattr(importlib.import_module(".facts_" + COLLECTORS[name][0], __package__), name)
        facts.update(collect(facts))
    del facts["gather_timeout"]
    if "env" in facts:
        facts["env"].update(call.environment)
    named = filtered({"ansible_" + name: value for name, value in facts.items()}, args.get("filter") or [])
    if not args.get("filter"):
        named = dict(named, gather_subset=subset, module_setup=True)
    return {"ansible_facts": named}


def selected(subset: "list[str]") -> "list[str]":
    """The collectors that `gather_subset` means, in their order: the minimum, what is added, less what is negated.

    A negation does not take away what is also named by itself.
    """
    every = set(COLLECTORS) | WITHOUT
    for _, words in COLLECTORS.values():
        every.update(words.split())
    wanted, unwanted, named = set(MINIMUM), set(), set()  # type: set[str], set[str], set[str]
    for word in subset:
        if word == "all":
            wanted |= every
        elif word == "!all":
            unwanted |= every - MINIMUM
        elif word == "min":
            wanted |= MINIMUM
        elif word == "!min":
            unwanted |= MINIMUM
        elif word.startswith("!"):
            unwanted.add(word[1:])
            unwanted.update(COLLECTORS.get(word[1:], ("", ""))[1].split())
        elif word in every:
            wanted.add(word)
            named.add(word)
        else:
            raise Failed(f"gather_subset: {word!r} is no subset; there are all, {', '.join(sorted(every))}")
    wanted -= unwanted - named
    chosen = {name for name, (_, words) in COLLECTORS.items() if wanted & {name, *words.split()}}
    for name in list(chosen):
        chosen.update(NEEDS.get(name, ()))
    return [name for name in COLLECTORS if name in chosen]


def filtered(facts: "dict[str, Any]", patterns: "list[str]") -> "dict[str, Any]":
    """The facts whose names match one of the shell patterns, with or without `ansible_`."""
    if not patterns or patterns == [""]:
        return facts
    globs = set(patterns)
    globs.update("ansible_" + glob for glob in patterns if not glob.startswith(("ansible_", "facter", "ohai")))
    return {name: value for name, value in facts.items() if any(fnmatch.fnmatch(name, glob) for glob in globs)}
