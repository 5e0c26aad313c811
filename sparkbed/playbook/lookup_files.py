"""Lookups that read the controller's files, programs and URLs. Relative names are looked for where the task's are."""

from __future__ import annotations

import csv
import glob
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2.utils import missing

from sparkbed.playbook.actions import find_file, template_names
from sparkbed.playbook.lookup_lists import items
from sparkbed.playbook.templating import TemplateError

Options = Mapping[str, Any]


def search_path(scope: Any) -> list[Path]:
    """Where the task of `scope` looks for files."""
    found = scope.resolve("ansible_search_path")
    return [scope.folder.absolute()] if found is missing else [Path(path) for path in found]


def file(scope: Any, term: Any, options: Options) -> str:
    path = find_file(search_path(scope), "files", str(term))
    text = path.read_text(encoding="utf-8")
    text = text.lstrip() if options.get("lstrip") else text
    return text.rstrip() if options.get("rstrip", True) else text


_DELIMITERS = (
    "variable_start_string", "variable_end_string", "comment_start_string", "comment_end_string", "trim_blocks",
)  # fmt: skip


def template(scope: Any, terms: list[Any], options: Options) -> list[Any]:
    """What template files give: most often text (see `Templates.file`); `template_vars` are names for them alone."""
    folders = search_path(scope)
    search = [place for folder in folders for place in (folder / "templates", folder)]
    chosen = {name: options[name] for name in _DELIMITERS if name in options}
    found = []
    for term in items(terms):
        path = find_file(folders, "templates", str(term))
        own = {"template_path": str(term), **options.get("template_vars", {})}
        names = scope.over({**template_names(path, "", scope), **own})
        found.append(scope.templates.file(path, names, search, **chosen))
    return found


def fileglob(scope: Any, terms: list[Any], _options: Options) -> list[str]:
    """The files that match; a pattern without a folder is looked for in files/ and beside the task's own file."""
    found: list[str] = []
    for term in (str(one) for one in terms):
        folder, pattern = os.path.split(term)
        if folder:
            try:
                places = [find_file(search_path(scope), "files", folder)]
            except TemplateError:
                places = []
        else:
            places = [place for base in search_path(scope) for place in (base / "files", base)]
        for place in places:
            matching = sorted(
                name
                for name in glob.glob(str(place / pattern))  # noqa: PTH207  # Path.glob("*") has hidden files, too
                if Path(name).is_file()
            )
            if matching:
                found.extend(matching)
                break
    return found


def first_found(scope: Any, terms: list[Any], options: Options, *, kind: str = "") -> list[str]:
    """The first file that exists, in a list; nothing with `skip`. `kind` is the folder to look in besides."""
    skip = options.get("skip", False)
    wanted: list[str] = []

    def add(term: Any) -> None:
        nonlocal skip
        if isinstance(term, list):
            for one in term:
                add(one)
            return
        said = term if isinstance(term, Mapping) else {**options, "files": [term]}
        skip = said.get("skip", skip)
        files, paths = _split(said.get("files", []), ",;"), _split(said.get("paths", []), ",:;")
        wanted.extend(str(Path(path) / name) for path in paths for name in files)
        wanted.extend(() if paths else files)

    for term in terms or [{**options}]:
        add(term)
    for name in wanted:
        try:
            return [str(find_file(search_path(scope), kind, name).absolute())]
        except TemplateError:
            continue
    if skip in (True, "yes", "true", "True"):
        return []
    raise TemplateError("No file was found when using first_found.")


def _split(given: Any, marks: str) -> list[str]:
    texts = given if isinstance(given, list) else [given]
    return [part for text in texts for part in re.split(f"[{re.escape(marks)}]", str(text)) if part]


def pipe(scope: Any, term: Any, _options: Options) -> str:
    return _run("pipe", scope, term).decode("utf-8").rstrip()


def lines(scope: Any, terms: list[Any], _options: Options) -> list[str]:
    """What the commands wrote on the controller, line by line."""
    return [line.decode("utf-8") for term in terms for line in _run("lines", scope, term).splitlines()]


def _run(name: str, scope: Any, term: Any) -> bytes:
    """What a command wrote on the controller, in the playbook's folder; it is a shell's text, as in Ansible."""
    folder = scope.resolve("playbook_dir")
    done = subprocess.run(
        ["/bin/sh", "-c", str(term)],
        cwd=scope.folder if folder is missing else str(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        raise TemplateError(f"lookup_plugin.{name}({term}) returned {done.returncode}")
    return done.stdout


def ini(scope: Any, term: Any, options: Options) -> Any:
    """The value of a key in a section of an INI file, or of a file of Java properties."""
    import configparser  # 1.5 ms of a start

    path = find_file(search_path(scope), "files", str(options.get("file", "ansible.ini")))
    parser = configparser.ConfigParser(allow_no_value=bool(options.get("allow_no_value")), interpolation=None)
    if options.get("case_sensitive"):
        parser.optionxform = str  # type: ignore[assignment,method-assign]  # the documented way
    text = path.read_text(encoding=str(options.get("encoding", "utf-8")))
    section = str(options.get("section", "global"))
    if options.get("type") == "properties":
        section, text = "java_properties", f"[java_properties]\n{text}"
    try:
        parser.read_string(text)
        if options.get("re"):
            return [value for key, value in parser.items(section) if re.match(str(term), key)]
        return parser.get(section, str(term))
    except configparser.NoOptionError:
        return options.get("default", "")
    except configparser.Error as error:
        raise TemplateError(f"lookup of {term!r} in {path}: {error}") from None


def csvfile(scope: Any, term: Any, options: Options) -> Any:
    """The column `col` of the first row whose column `keycol` is the term."""
    path = find_file(search_path(scope), "files", str(options.get("file", "ansible.csv")))
    delimiter = str(options.get("delimiter", "TAB"))
    delimiter = "\t" if delimiter == "TAB" else delimiter
    column, key = int(options.get("col", 1)), int(options.get("keycol", 0))
    with path.open(encoding=str(options.get("encoding", "utf-8")), newline="") as source:
        for row in csv.reader(source, delimiter=delimiter):
            if len(row) > max(column, key) and row[key] == str(term):
                return row[column]
    return options.get("default")


def url(_scope: Any, term: Any, options: Options) -> Any:
    """What a web server answers: its lines, or the whole text without `split_lines`."""
    if not re.match(r"https?://", str(term)):
        raise TemplateError(f"lookup url takes http and https, not {term!r}")
    import urllib.request  # 30 ms, which only plays that use it should pay for

    request = urllib.request.Request(str(term), headers=dict(options.get("headers", {})))  # noqa: S310  # see above
    try:
        with urllib.request.urlopen(request, timeout=float(options.get("timeout", 10))) as answer:  # noqa: S310
            text = answer.read().decode("utf-8")
    except (OSError, ValueError) as error:
        raise TemplateError(f"lookup of {term}: {error}") from None
    return text.splitlines() if options.get("split_lines", True) else text
