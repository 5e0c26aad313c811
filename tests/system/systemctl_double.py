#!/usr/bin/python3
"""A systemctl for machines without systemd: the verbs, outputs and exit statuses that systemctl(1) documents.

Units are files in /lib/systemd/system; a link to /dev/null in /etc/systemd/system masks one, a link in
multi-user.target.wants enables it, a file in /run/units says that it is active.
"""

import os
import sys

UNITS, ETC, ACTIVE = "/lib/systemd/system/", "/etc/systemd/system/", "/run/units/"
WANTS = ETC + "multi-user.target.wants/"


def fail(text, status=1):
    sys.stderr.write(text + "\n")
    sys.exit(status)


def log(text):
    with open("/run/systemctl.log", "a") as file:
        file.write(text + "\n")


def masked(unit):
    return os.path.islink(ETC + unit) and os.readlink(ETC + unit) == "/dev/null"


def exists(unit):
    return os.path.exists(UNITS + unit)


def file_state(unit):
    if masked(unit):
        return "masked"
    if not exists(unit):
        return None
    if os.path.islink(WANTS + unit):
        return "enabled"
    with open(UNITS + unit) as file:
        return "disabled" if "[Install]" in file.read() else "static"


def show(unit):
    load = "masked" if masked(unit) else "loaded" if exists(unit) else "not-found"
    active = "active" if os.path.exists(ACTIVE + unit) else "inactive"
    print("Id=" + unit)
    print("LoadState=" + load)
    print("ActiveState=" + active)
    print("SubState=" + ("running" if active == "active" else "dead"))
    if load == "loaded":
        print("ExecStart={ path=/usr/bin/sleep ; argv[]=/usr/bin/sleep infinity ; ignore_errors=no }")
        print("Description={ a brace that begins, and does not end")
    if load == "not-found":
        print(f'LoadError=org.freedesktop.systemd1.NoSuchUnit "Unit {unit} not found."')
    print("UnitFileState=" + (file_state(unit) or ""))


def is_enabled(unit):
    state = file_state(unit)
    if state is None:
        fail(f"Failed to get unit file state for {unit}: No such file or directory")
    print(state)
    sys.exit(0 if state in ("enabled", "static") else 1)


def change_file(verb, unit):
    if verb == "enable":
        if masked(unit):
            fail(f"Failed to enable unit: Unit file {ETC}{unit} is masked.")
        if not exists(unit):
            fail(f"Failed to enable unit: Unit file {unit} does not exist.")
        if file_state(unit) == "disabled":
            os.makedirs(WANTS, exist_ok=True)
            os.symlink(UNITS + unit, WANTS + unit)
    elif verb == "disable":
        if not exists(unit):
            fail(f"Failed to disable unit: Unit file {unit} does not exist.")
        if os.path.islink(WANTS + unit):
            os.unlink(WANTS + unit)
    elif verb == "mask" and not masked(unit):
        os.makedirs(ETC, exist_ok=True)
        if not exists(unit):
            sys.stderr.write(f"Unit {unit} does not exist, proceeding anyway.\n")
        os.symlink("/dev/null", ETC + unit)
    elif verb == "unmask" and masked(unit):
        os.unlink(ETC + unit)


def control(verb, unit):
    if masked(unit) and verb != "stop":
        fail(f"Failed to {verb} {unit}: Unit {unit} is masked.")
    if not exists(unit):
        fail(f"Failed to {verb} {unit}: Unit {unit} not found.", 5)
    if verb == "reload" and not os.path.exists(ACTIVE + unit):
        fail(f"Failed to reload {unit}: Unit {unit} is not active.")
    if verb == "stop":
        if os.path.exists(ACTIVE + unit):
            os.unlink(ACTIVE + unit)
    else:
        os.makedirs(ACTIVE, exist_ok=True)
        open(ACTIVE + unit, "w").close()


def main():
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    verb, units = words[0], words[1:]
    if verb in ("daemon-reload", "daemon-reexec"):
        log(verb)
        return
    unit = units[0] if "." in units[0] else units[0] + ".service"
    if verb == "show":
        show(unit)
    elif verb == "is-enabled":
        is_enabled(unit)
    elif verb == "list-unit-files":
        sys.exit(0 if file_state(unit) else 1)
    elif verb == "is-active":
        print("active" if os.path.exists(ACTIVE + unit) else "inactive")
    else:
        log(verb + " " + unit)
        (change_file if verb in ("enable", "disable", "mask", "unmask") else control)(verb, unit)


main()
