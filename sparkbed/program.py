"""The command line: Invoke with our exit codes (0 done, 1 failed, 2 wrong usage) and errors for people."""

from __future__ import annotations

import copy
import errno
import io
import logging
import os
import shlex
import sys
from pathlib import Path
from typing import Any

from invoke.collection import Collection
from invoke.exceptions import Exit, ParseError, UnexpectedExit
from invoke.parser import Parser
from invoke.program import Program

from sparkbed import __version__, usage
from sparkbed.errors import SparkbedError, UsageError
from sparkbed.home import ROOT, Home
from sparkbed.signals import interrupt_on_ends

log = logging.getLogger("sparkbed")


class Inv(Program):
    """Invoke, loading tasks.py of this checkout from wherever it is called."""

    def parse_core(self, argv: list[str] | None) -> None:
        words = list(sys.argv if argv is None else argv)
        # Invoke would join what follows -- with spaces, and a quoted argument would fall apart.
        cut = words.index("--") if "--" in words else len(words)
        self.rest = words[cut + 1 :]
        super().parse_core(words[:cut])
        sys.dont_write_bytecode = False  # Invoke turns it off; with it a second start is twice as fast

    def load_collection(self) -> None:
        if self.args["search-root"].value is None:
            self.args["search-root"].value = str(ROOT)
        super().load_collection()

    def _make_parser(self) -> Parser:
        """Of the verb alone that was named: Invoke would copy all that there are, 12 ms of each start."""
        verb = self.core.unparsed[0] if self.core.unparsed else ""
        named = {one: name for name, others in self.collection.task_names.items() for one in (name, *others)}
        if verb not in named:
            return super()._make_parser()
        alone = Collection()
        alone.add_task(self.collection[verb], named[verb], aliases=tuple(self.collection.task_names[named[verb]]))
        return Parser(initial=self.initial_context, contexts=alone.to_contexts())

    def parse_tasks(self) -> None:
        self.core.unparsed = name_the_words(self.core.unparsed, self.rest, self.collection)
        try:
            super().parse_tasks()
        except ValueError as error:  # a short flag with its number behind it, as in -t3, is read by Invoke alone
            raise UsageError(str(error), hint="./inv VERB --help shows one's flags.") from None

    def run(self, argv: list[str] | None = None, exit: bool = True) -> None:
        """Runs the verb that argv names, and leaves with its exit code."""
        code = self.run_verb(argv) or flushed()
        if exit:
            sys.exit(code)

    def run_verb(self, argv: list[str] | None) -> int:
        """The exit code of the verb that argv names; errors are told to standard error."""
        try:
            check_surroundings(sys.argv if argv is None else argv)
            self.create_config()
            self.parse_core(argv)
            self.parse_collection()
            self.parse_tasks()
            self.parse_cleanup()
            self.update_config()
            self.execute()
        except ParseError as error:
            print(
                f"inv: {error}\n  ./inv --list names the verbs; ./inv VERB --help shows one's flags.", file=sys.stderr
            )
            return 2
        except Exit as leaving:
            if leaving.message:
                print(leaving.message, file=sys.stderr)
            return int(leaving.code)
        except UnexpectedExit as error:
            return int(error.result.exited)
        except SparkbedError as error:
            log.info("%s", error, exc_info=True)
            print(f"inv: {error}", file=sys.stderr)
            return error.exit_code
        except KeyboardInterrupt:
            print("inv: interrupted", file=sys.stderr)
            return 1
        except BrokenPipeError:
            # The reader of our output (head, less) has gone; nothing of ours is wrong.
            sys.stdout = None  # keeps the interpreter from flushing into the broken pipe
            return 0
        except OSError as error:
            log.info("%s", error, exc_info=True)
            if flushed():
                return 1
            print(f"inv: {of_system(error)}", file=sys.stderr)
            return 1
        except Exception:  # the last border: a defect of ours goes to the log, a line to the person
            log.exception("a defect of sparkbed")
            print(
                f"inv: this is a defect of sparkbed; the traceback is in {Home().path / 'logs' / 'sparkbed.log'}\n"
                "  Please report it with the command that you ran.",
                file=sys.stderr,
            )
            return 1
        return 0


def flushed() -> int:
    """Exit code 0 when all that was printed has arrived."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        sys.stdout = None
    except OSError as error:
        sys.stdout = None  # keeps the interpreter from trying it again
        print(
            f"inv: standard output can't be written: {error.strerror}\n  Look at where the output is sent.",
            file=sys.stderr,
        )
        return 1
    return 0


def check_surroundings(argv: list[str]) -> None:
    """Refuse what no verb can work with.

    Raises:
        UsageError: when the current folder has been deleted, or a word is not text.
    """
    try:
        Path.cwd()
    except OSError as error:
        raise UsageError(
            f"the current folder can't be used: {error.strerror}", hint="It may have been deleted: cd to another one."
        ) from None
    for word in argv:
        if any("\ud800" <= letter <= "\udfff" for letter in word):
            # Python's stand-ins for bytes that are not UTF-8. Neither the database nor YAML can hold them.
            raise UsageError(f"{word!r} is not UTF-8", hint="Name files and things by text in UTF-8.")


def of_system(error: OSError) -> SparkbedError:
    """What the system refused, put in words: a disk that is full, a file that can't be written."""
    advice = {
        errno.ENOSPC: "Free some space and run the same command again: what was recorded is kept.",
        errno.EDQUOT: "Your quota is used up: free some space and run the same command again.",
        errno.EFBIG: "The largest file that you may write is smaller: see `ulimit -f`.",
        errno.EMFILE: "Too few files may be open at once: raise it with `ulimit -n 4096`.",
        errno.EACCES: "Look at the owner and the permissions of the file and its folder.",
        errno.EPERM: "Look at the owner and the permissions of the file and its folder.",
        errno.EROFS: "Name another place; SPARKBED_HOME names another state folder.",
        errno.ENAMETOOLONG: "Choose a shorter name.",
    }
    where = str(error.filename) if error.filename is not None else None
    hint = advice.get(error.errno or 0, f"The details are in {Home().path / 'logs' / 'sparkbed.log'}.")
    return SparkbedError(error.strerror or str(error), where=where, hint=hint)


def name_the_words(words: list[str], rest: list[str], collection: Any) -> list[str]:
    """`run-suite quick` as `run-suite --suite=quick`: Invoke has no positional argument that may be absent.

    A task says which option the bare word stands for by its attribute `bare_word` (see tasks.py); what follows `--`
    goes, quoted as a shell would, to the option named by the attribute `rest`.
    """
    if not words or words[0].startswith("-"):
        return words
    verbs = [*collection.task_names, *_aliases(collection)]
    if words[0] not in verbs:
        raise usage.unknown_verb(words[0], list(collection.task_names))
    task = collection[words[0]]
    bare = getattr(task, "bare_word", None)
    if rest and not getattr(task, "rest", None):
        raise UsageError(f"{words[0]} takes nothing after --", hint=f"./inv {words[0]} --help shows what it takes.")
    # A copy: Invoke takes a task's help away from it as it reads the arguments.
    arguments = copy.deepcopy(task).get_arguments()
    words = [words[0], *usage.spelled_out(words[0], words[1:], getattr(task, "short", None) or {}, arguments)]
    usage.refuse_elsewhere(words[0], words[1:], getattr(task, "elsewhere", ()))
    result, position = [words[0]], 1
    while position < len(words):
        word = words[position]
        position += 1
        if word.startswith("-") and word != "-":
            result.append(word)
            if usage.check_flag(words[0], word, words[position:], arguments):
                result.append(words[position])
                position += 1
        elif bare:
            result.append(f"--{bare}={word}")
            bare = bare if getattr(task, "several", False) else None
        else:
            raise usage.too_many(words[0], word, getattr(task, "bare_word", None))
    # The space keeps Invoke from taking a first word such as -k for a flag of its own.
    return [*result, f"--{task.rest}= {shlex.join(rest)}"] if rest else result


def _aliases(collection: Any) -> list[str]:
    return [alias for aliases in collection.task_names.values() for alias in aliases]


def start_logging() -> None:
    """Everything to the log file; a full disk or a folder that can't be written must not stop the verb."""
    try:
        handler: logging.Handler = logging.FileHandler(Home().log, encoding="utf-8", errors="backslashreplace")
    except (OSError, SparkbedError):
        handler = logging.NullHandler()
    logging.raiseExceptions = False  # or a full disk would print a traceback for every line that can't be logged
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.WARNING)
    log.setLevel(logging.INFO)


def main() -> None:
    """`./inv VERB ...`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that knows ASCII only is no reason to fail
    start_logging()
    interrupt_on_ends()  # a terminated verb ends what it started, as an interrupted one does
    # matplotlib keeps its font cache in the user's home unless it is told another place.
    os.environ.setdefault("MPLCONFIGDIR", str(Home().path / "matplotlib"))
    Inv(name="inv", binary="inv", version=__version__).run()
