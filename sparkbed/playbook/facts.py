"""The facts that the module setup gives, by name: what a playbook may use after it, without a definition of its own."""

from __future__ import annotations

_GATHERED = """
all_ipv4_addresses all_ipv6_addresses apparmor architecture bios_date bios_vendor bios_version board_asset_tag
board_name board_serial board_vendor board_version chassis_asset_tag chassis_serial chassis_vendor chassis_version
cmdline date_time default_ipv4 default_ipv6 device_links devices distribution distribution_file_parsed
distribution_file_path distribution_file_variety distribution_major_version distribution_minor_version
distribution_release distribution_version dns domain effective_group_id effective_user_id env fips flags
form_factor fqdn hostname interfaces is_chroot kernel kernel_version loadavg local locally_reachable_ips lsb
machine machine_id memfree_mb memory_mb memtotal_mb mounts nodename os_family pkg_mgr proc_cmdline processor
processor_cores processor_count processor_nproc processor_threads_per_core processor_vcpus product_name
product_serial product_uuid product_version python python_version real_group_id real_user_id selinux service_mgr
ssh_host_key_dsa_public ssh_host_key_dsa_public_keytype ssh_host_key_ecdsa_public ssh_host_key_ecdsa_public_keytype
ssh_host_key_ed25519_public ssh_host_key_ed25519_public_keytype ssh_host_key_rsa_public
ssh_host_key_rsa_public_keytype swapfree_mb swaptotal_mb system system_vendor uptime_seconds user_dir user_gecos
user_gid user_id user_shell user_uid userspace_architecture userspace_bits virtualization_role
virtualization_tech_guest virtualization_tech_host virtualization_type
"""
FACTS = frozenset(_GATHERED.split())
"""Without `ansible_`. Each network interface is a fact as well, by its own name."""

_OTHERS = """
fibre_channel_wwn hostnqn iscsi_iqn lvm selinux_python_present system_capabilities system_capabilities_enforced
systemd
"""
UNGATHERED = frozenset(_OTHERS.split())
"""Facts of Ansible's that setup does not give: each would start a program on every host."""
