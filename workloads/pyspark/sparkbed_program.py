"""What all programs of ours share, with Spark or without: how they end, their options, the samples file.

It needs nothing but Python.
"""

import json


class WrongResult(Exception):
    """The program ran, and what it computed is not right."""


class Failed(Exception):
    """The program can't go on, for a reason that a person can mend."""


class Usage(Exception):
    """An option is unknown, missing or no such value."""


def parse_options(arguments, types):
    """The options in `arguments` (--name=value, --name for a flag) as a dict; every one but flags must be there."""
    values = {name: False for name, kind in types.items() if kind is bool}
    for argument in arguments:
        name, given, text = argument[2:].partition("=")
        if not argument.startswith("--") or name not in types:
            raise Usage(f"unknown option {argument}; there are: {', '.join('--' + name for name in types)}")
        if (types[name] is bool) == bool(given):
            raise Usage(f"--{name} {'takes no value' if given else 'needs a value'}")
        try:
            values[name] = True if types[name] is bool else types[name](text)
        except ValueError:
            raise Usage(f"--{name}: {text!r} is not a value of type {types[name].__name__}") from None
    missing = [name for name in types if name not in values]
    if missing:
        raise Usage(f"missing: {', '.join('--' + name for name in missing)}")
    return values


class SamplesFile:
    """The JSON lines that a launch leaves: each is on disk at once, so that a killed program leaves what it had."""

    def __init__(self, path):
        self._file = open(path, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - open for the whole run, closed in close()

    def sample(self, metric, value, unit, iteration=None):
        record = {"metric": metric, "value": value, "unit": unit}
        if iteration is not None:
            record["iteration"] = iteration
        self._write(record)

    def fact(self, name, value):
        self._write({"fact": name, "value": value})

    def error(self, message):
        self._write({"error": message})

    def close(self):
        self._file.close()

    def _write(self, record):
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()
