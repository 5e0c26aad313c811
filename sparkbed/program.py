"""The command line: Invoke with our exit codes (0 done, 1 failed, 2 wrong usage) and errors for people."""

from __future__ import annotations

import copy
import logging
import shlex
import signal
import sys
from types import FrameType
from typing import Any

from invoke.exceptions import Exit, ParseError, UnexpectedExit
from invoke.program import Program

from sparkbed import __version__
from sparkbed.errors import SparkbedError
from sparkbed.home import ROOT, Home

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

    def parse_tasks(self) -> None:
        self.core.unparsed = name_the_words(self.core.unparsed, self.rest, self.collection)
        super().parse_tasks()

    def run(self, argv: list[str] | None = None, exit: bool = True) -> None:
        """Runs the verb that argv names, and leaves with its exit code."""
        code = self.run_verb(argv)
        if exit:
            sys.exit(code)

    def run_verb(self, argv: list[str] | None) -> int:
        """The exit code of the verb that argv names; errors are told to standard error."""
        try:
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
        except Exception:  # the last border: a defect of ours goes to the log, a line to the person
            log.exception("a defect of sparkbed")
            print(
                f"inv: this is a defect of sparkbed; the traceback is in {Home().log}\n"
                "  Please report it with the command that you ran.",
                file=sys.stderr,
            )
            return 1
        return 0


def name_the_words(words: list[str], rest: list[str], collection: Any) -> list[str]:
    """`run-suite quick` as `run-suite --suite=quick`: Invoke has no positional argument that may be absent.

    A task says which option the bare word stands for by its attribute `bare_word` (see tasks.py); what follows `--`
    goes, quoted as a shell would, to the option named by the attribute `rest`.
    """
    if not words or (words[0] not in collection.task_names and words[0] not in _aliases(collection)):
        return words
    task = collection[words[0]]
    bare = getattr(task, "bare_word", None)
    if rest and not getattr(task, "rest", None):
        raise ParseError(f"'{words[0]}' takes nothing after --")
    # A copy: Invoke takes a task's help away from it as it reads the arguments.
    arguments = copy.deepcopy(task).get_arguments()
    with_value = {dashes(name) for argument in arguments if argument.takes_value for name in argument.names}
    result, position = [words[0]], 1
    while position < len(words):
        word = words[position]
        position += 1
        if word.startswith("-") and word != "-":
            result.append(word)
            if word in with_value and position < len(words):
                result.append(words[position])
                position += 1
        elif bare:
            result.append(f"--{bare}={word}")
            bare = None
        else:
            result.append(word)
    # The space keeps Invoke from taking a first word such as -k for a flag of its own.
    return [*result, f"--{task.rest}= {shlex.join(rest)}"] if rest else result


def dashes(name: str) -> str:
    return f"-{name}" if len(name) == 1 else f"--{name.replace('_', '-')}"


def _aliases(collection: Any) -> list[str]:
    return [alias for aliases in collection.task_names.values() for alias in aliases]


def start_logging() -> None:
    """Everything to the log file; a full disk or a folder that can't be written must not stop the verb."""
    try:
        handler: logging.Handler = logging.FileHandler(Home().log, encoding="utf-8")
    except OSError:
        handler = logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.WARNING)
    log.setLevel(logging.INFO)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """`./inv VERB ...`."""
    start_logging()
    # A terminated verb ends what it started, as an interrupted one does.
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup asked to outlive the terminal
        signal.signal(signal.SIGHUP, _interrupt)
    Inv(name="inv", binary="inv", version=__version__).run()
