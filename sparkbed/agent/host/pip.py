import importlib.util
import os
import re
import shlex
import sys
import tempfile

from .facts_files import program
from .framing import Call, Failed
from .paths import expand, text
from .processes import capture

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_COMMANDS = {
    "present": ["install"],
    "absent": ["uninstall", "-y"],
    "latest": ["install", "-U"],
    "forcereinstall": ["install", "-U", "--force-reinstall"],
}
_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^]]*\])?\s*((?:===?|!=|~=|<=?|>=?).*)?$")
_REPOSITORY = re.compile(r"(svn|git|hg|bzr)\+")


def pip(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    """Python packages by pip: of a virtual environment, which is made if need be, of `executable`, or of our Python."""
    umask = args.get("umask")
    if umask is None:
        return _pip(call, args)
    try:
        before = os.umask(int(str(umask), 8))
    except ValueError:
        raise Failed("umask must be an octal integer") from None
    try:
        return _pip(call, args)
    finally:
        os.umask(before)


def _pip(call: Call, args: "dict[str, Any]") -> "dict[str, Any]":
    state, version = args.get("state") or "present", args.get("version")
    chdir = expand(args["chdir"]) if args.get("chdir") else tempfile.gettempdir()
    env = expand(args["virtualenv"]) if args.get("virtualenv") else None
    if env and args.get("chdir"):
        env = os.path.join(chdir, env)
    if state == "latest" and version is not None:
        raise Failed("version is incompatible with state=latest")
    packages = _packages(args.get("name") or [], version)
    out, err = "", ""
    created = False
    if env and not os.path.exists(os.path.join(env, "bin", "activate")):
        if call.check:
            return {"changed": True}
        out, err = _make(call, args, env, chdir)
        created = True
    tool = _tool(args, env)
    extra = shlex.split(args.get("extra_args") or "")
    if args.get("editable") and "-e" not in extra:
        extra.append("-e")
    requirements = args.get("requirements")
    argv = [*tool, *_COMMANDS[state], *extra, *(packages if packages else ["-r", requirements or ""])]
    if call.check:
        if extra or not packages or state == "latest":
            return {"changed": True}
        listing, shown, said = _listed(call, args, tool, chdir, env)
        have = _versions(shown)
        changed = any(_differs(package, have, state) for package in packages)
        return {"changed": changed, "cmd": " ".join(listing), "stdout": shown, "stderr": err + said}
    compared = bool(requirements) or any(_REPOSITORY.match(package) for package in packages)
    before = _listed(call, args, tool, chdir, env)[1] if compared else ""
    rc, told, said = _run(call, args, argv, chdir, env)
    out, err = out + told, err + said
    if rc and not (rc == 1 and state == "absent" and "not installed" in told + said):
        raise Failed(f"stdout: {out}\n:stderr: {err}", cmd=argv)
    if state == "absent":
        changed = "Successfully uninstalled" in told
    elif compared:
        changed = before != _listed(call, args, tool, chdir, env)[1]
    else:
        changed = "Successfully installed" in told
    result = {"cmd": argv, "name": args.get("name"), "version": version, "state": state, "stdout": out, "stderr": err}
    return dict(result, requirements=requirements, virtualenv=env, changed=changed or created)


def _packages(names: "list[Any]", version: "str | None") -> "list[str]":
    """The requirements as pip takes them. A comma within one may have divided it: `a>=1,<2`."""
    packages = []  # type: list[str]
    for name in (str(name).strip() for name in names):
        opened = bool(packages) and packages[-1].count("[") > packages[-1].count("]")
        if packages and (opened or re.match("[<>=!~]", name)):
            packages[-1] += "," + name
        elif name.startswith("-"):
            raise Failed(f"name: {name!r} is no package; options go into extra_args")
        else:
            packages.append(name)
    if version is None:
        return packages
    if len(packages) > 1:
        raise Failed("'version' argument is ambiguous when installing multiple package distributions. ")
    match = _REQUIREMENT.match(packages[0]) if packages else None
    if match and match.group(2):
        raise Failed("The 'version' argument conflicts with any version specifier provided along with a package name.")
    return [packages[0] + (version if re.match("[<>=!~]", version) else "==" + version)] if packages else []


def _make(call: Call, args: "dict[str, Any]", env: str, chdir: str) -> "tuple[str, str]":
    words = shlex.split(args.get("virtualenv_command") or "virtualenv")
    if os.path.sep not in words[0]:
        found = program(words[0])
        if found is None:
            raise Failed(f"Failed to find required executable {words[0]!r} on this host")
        words[0] = found
    else:
        words[0] = expand(words[0])
    is_venv = os.path.basename(words[0]) == "pyvenv" or "venv" in words[1:]
    if args.get("virtualenv_site_packages"):
        words.append("--system-site-packages")
    if is_venv and args.get("virtualenv_python"):
        raise Failed("virtualenv_python should not be used when using the venv module or pyvenv as virtualenv_command")
    if not is_venv:
        words.append("-p" + (args.get("virtualenv_python") or sys.executable))
    rc, out, err = _run(call, args, [*words, env], chdir, None)
    if rc:
        raise Failed(f"stdout: {out}\n:stderr: {err}", cmd=[*words, env])
    return out, err


def _tool(args: "dict[str, Any]", env: "str | None") -> "list[str]":
    executable = args.get("executable")
    if executable:
        found = expand(executable) if os.path.isabs(expand(executable)) else program(executable)
        if found is None:
            raise Failed(f"Unable to find any of {executable} to use.  pip needs to be installed.")
        return [found]
    if env:
        for name in ("pip3", "pip"):
            path = os.path.join(env, "bin", name)
            if os.access(path, os.X_OK):
                return [path]
        raise Failed(f"Unable to find pip in the virtualenv, {env}, under any of these names: pip3, pip.")
    if _has_pip():
        return [sys.executable, "-m", "pip"]
    found = program("pip3")
    if found is None:
        raise Failed("Unable to find any of pip3 to use.  pip needs to be installed.")
    return [found]


def _has_pip() -> bool:
    """Whether our Python has pip. We run without the packages of its site, so their folders are looked at by name."""
    if importlib.util.find_spec("pip") is not None:
        return True
    import site

    folders = [*site.getsitepackages(), "/usr/lib/python3/dist-packages", site.getusersitepackages()]
    prefix = os.path.dirname(os.path.dirname(sys.executable))
    folders.append("{}/lib/python{}.{}/site-packages".format(prefix, *sys.version_info[:2]))
    return any(os.path.isdir(os.path.join(folder, "pip")) for folder in folders)


def _run(
    call: Call, args: "dict[str, Any]", argv: "list[str]", chdir: str, env: "str | None"
) -> "tuple[int, str, str]":
    environment = dict(call.environment)
    if env:  # programs of the environment come first, for packages that need others while they are built
        path = environment.get("PATH", os.environ.get("PATH", ""))
        environment["PATH"] = os.path.join(env, "bin") + os.pathsep + path
    if args.get("break_system_packages"):
        environment["PIP_BREAK_SYSTEM_PACKAGES"] = "1"
    rc, out, err = capture(Call(call.session, call.check, call.diff, environment), argv, cwd=chdir)
    return rc, text(out), text(err)


def _listed(
    call: Call, args: "dict[str, Any]", tool: "list[str]", chdir: str, env: "str | None"
) -> "tuple[list[str], str, str]":
    for words in (["list", "--format=freeze"], ["freeze"]):
        rc, out, err = _run(call, args, [*tool, *words], chdir, env)
        if rc == 0:
            return [*tool, *words], out, err
    raise Failed(f"stdout: {out}\n:stderr: {err}", cmd=[*tool, "freeze"])


# -- is it there? -----------------------------------------------------------------------------------------------------


def _canonical(name: str) -> str:
    return re.sub("[-_.]+", "-", name).lower()


def _versions(freeze: str) -> "dict[str, str]":
    pairs = (line.partition("==") for line in freeze.splitlines())
    return {_canonical(name.strip()): version.strip() for name, equals, version in pairs if equals}


def _differs(package: str, have: "dict[str, str]", state: str) -> bool:
    """Whether installing (or removing) it would change something, as far as its name and version tell."""
    match = _REQUIREMENT.match(package)
    if not match:
        return True
    version = have.get(_canonical(match.group(1)))
    there = version is not None and meets(version, match.group(2) or "")
    return there if state == "absent" else state == "present" and not there


def meets(version: str, specifiers: str) -> bool:
    """Whether a version is within specifiers such as `>=1.2,<2`; versions that are not only numbers must be equal."""
    for one in filter(None, (part.strip() for part in specifiers.split(","))):
        match = re.match(r"(===?|!=|~=|<=|>=|<|>)\s*(\S+)$", one)
        if not match or not _compare(version, *match.groups()):
            return False
    return True


def _compare(version: str, relation: str, other: str) -> bool:
    if other.endswith(".*") and relation in ("==", "!="):
        prefix = _numbers(other[:-2])
        same = _numbers(version)[: len(prefix)] == prefix
        return same if relation == "==" else not same
    mine, its = _numbers(version), _numbers(other)
    if not mine or not its:
        return (version == other) is (relation in ("==", "===", "<=", ">=", "~="))
    width = max(len(mine), len(its))
    padded, wanted = mine + [0] * (width - len(mine)), its + [0] * (width - len(its))
    if relation == "~=":
        return padded >= wanted and mine[: len(its) - 1] == its[:-1]
    return {
        "==": padded == wanted,
        "===": padded == wanted,
        "!=": padded != wanted,
        "<=": padded <= wanted,
        ">=": padded >= wanted,
        "<": padded < wanted,
        ">": padded > wanted,
    }[relation]


def _numbers(version: str) -> "list[int]":
    return [int(part) for part in version.split(".")] if re.match(r"\d+(\.\d+)*$", version) else []
