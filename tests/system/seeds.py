"""What machines have besides their root: packages in a source of their own, wheels, services."""

from __future__ import annotations

import zipfile
from pathlib import Path

# name, version, further fields
PACKAGES = [
    ("sb-a", "1.0", {}),
    ("sb-a", "1.5", {}),
    ("sb-a", "2.0", {}),
    ("sb-b", "1.0", {"Depends": "sb-c"}),
    ("sb-c", "1.0", {}),
    ("sb-rec", "1.0", {"Recommends": "sb-d"}),
    ("sb-d", "1.0", {}),
    ("sb-e", "1.0", {"Provides": "sb-virtual"}),
    ("sb-conf", "1.0", {}),
    ("sb-script", "1.0", {}),
]
WHEELS = [("sparkbed-one", "1.0"), ("sparkbed-one", "1.2"), ("sparkbed-one", "2.0"), ("sparkbed-two", "0.1")]

# A service by the rules of init scripts (LSB): exit status 3 says that it does not run.
SCRIPT = """#!/bin/sh
### BEGIN INIT INFO
# Provides:          sbd
# Required-Start:    $remote_fs
# Required-Stop:     $remote_fs
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: a service for tests
### END INIT INFO
pid=/run/sbd.pid
case "$1" in
start) start-stop-daemon --start --quiet --background --make-pidfile --pidfile $pid --exec /usr/bin/sleep -- infinity ;;
stop) start-stop-daemon --stop --quiet --oknodo --remove-pidfile --pidfile $pid ;;
reload) echo reloaded >>/run/sbd.log ;;
status)
    if start-stop-daemon --status --pidfile $pid; then echo "sbd is running"; else echo "sbd is not running"; exit 3; fi
    ;;
*) exit 2 ;;
esac
echo "$1" >>/run/sbd.log
"""
UNIT = "[Unit]\nDescription=a unit for tests\n[Service]\nExecStart=/usr/bin/sleep infinity\n"


def write(folder: Path) -> Path:
    """All of it, as a tree that is laid over a root."""
    for name, version, fields in PACKAGES:
        _package(folder / "packages" / f"{name}_{version}", name, version, fields)
    _put(folder / "etc/apt/sources.list", "deb [trusted=yes] file:/packages ./\n")
    for name, version in WHEELS:
        _wheel(folder / "wheels", name, version)
    _put(folder / "etc/pip.conf", "[global]\nno-index = true\nfind-links = /wheels\ndisable-pip-version-check = true\n")
    _put(folder / "requirements.txt", "sparkbed-two\n")
    _put(folder / "etc/init.d/sbd", SCRIPT, 0o755)
    _put(folder / "etc/skel/.sb", "from the skeleton\n")
    return folder


def with_systemctl(folder: Path) -> Path:
    """The same where systemd seems to run, by a systemctl of ours that keeps to the real one's documented contract."""
    write(folder)
    (folder / "etc/init.d/sbd").unlink()
    _put(folder / "usr/bin/systemctl", (Path(__file__).parent / "systemctl_double.py").read_text(), 0o755)
    for name in ("sb.service", "sb-static.service"):
        install = "" if "static" in name else "[Install]\nWantedBy=multi-user.target\n"
        _put(folder / "usr/lib/systemd/system" / name, UNIT + install)
    (folder / "run/systemd/system").mkdir(parents=True)
    return folder


def _put(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def _package(folder: Path, name: str, version: str, fields: dict[str, str]) -> None:
    control = {"Package": name, "Version": version, "Architecture": "all", "Maintainer": "Tests <tests@localhost>"}
    control.update(fields, Description="a package for tests")
    _put(folder / "DEBIAN/control", "".join(f"{key}: {value}\n" for key, value in control.items()))
    _put(folder / f"usr/share/{name}/version", version + "\n")
    if name == "sb-conf":
        _put(folder / "etc/sb-conf.conf", "setting = 1\n")
        _put(folder / "DEBIAN/conffiles", "/etc/sb-conf.conf\n")
    if name == "sb-script":
        # What a package with a service does: ask whether services may be started.
        said = "#!/bin/sh\n/usr/sbin/policy-rc.d sbd start; echo $? >/run/policy-said\n"
        _put(folder / "DEBIAN/postinst", said, 0o755)


def _wheel(folder: Path, name: str, version: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    files = {
        f"{module}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{module}-{version}-py3-none-any.whl", "w") as wheel:
        for file, text in files.items():
            wheel.writestr(file, text)
