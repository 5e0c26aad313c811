"""The system's own programs, run for their effect or their answer, in words that do not depend on the host's locale."""

from .facts_files import program
from .framing import Call, Failed
from .paths import text
from .processes import capture

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

LOCALE = {"LC_ALL": "C", "LANGUAGE": "C"}


def find(name: str) -> str:
    """The program's path. An SSH session's PATH often lacks the administrator's folders, so they are looked at too."""
    path = program(name)
    if path is None:
        raise Failed(f"Failed to find required executable {name!r} on this host")
    return path


def run(
    call: Call,
    argv: "Sequence[str]",
    data: "str | None" = None,
    environment: "dict[str, str] | None" = None,
    cwd: "str | None" = None,
) -> "tuple[int, str, str]":
    """(exit status, stdout, stderr) of a program that `find` finds."""
    settings = dict(LOCALE, **call.environment)
    settings.update(environment or {})
    asked = Call(call.session, call.check, call.diff, settings)
    given = None if data is None else data.encode("utf-8", "surrogateescape")
    rc, out, err = capture(asked, [find(argv[0]), *argv[1:]], cwd=cwd, data=given)
    return rc, text(out), text(err)
