"""Stands in for cron's `crontab` command and keeps to its contract: -l, -r and - for the calling user.

`crontab -l` prints what was installed, byte for byte, or says `no crontab for USER` and exits with 1. `crontab -`
installs standard input if every line is a comment, empty, a variable or an entry of five fields and a command, and if
the last one ends with a newline; else nothing changes and it exits with 1. The file is named by CRONTAB_DOUBLE.
"""

import os
import re
import sys
from pathlib import Path

FIELD = rb"[0-9*,/A-Za-z-]+"
LINE = re.compile(rb"\s*(?:#.*|[A-Za-z_]\w*\s*=.*|(?:" + FIELD + rb"\s+){5}\S.*|@\w+\s+\S.*)?")


def main(words: list[str], spool: Path) -> int:
    if words == ["-l"]:
        if not spool.exists():
            print("no crontab for tester", file=sys.stderr)
            return 1
        sys.stdout.buffer.write(spool.read_bytes())
        return 0
    if words == ["-r"]:
        if not spool.exists():
            print("no crontab for tester", file=sys.stderr)
            return 1
        spool.unlink()
        return 0
    if words == ["-"]:
        given = sys.stdin.buffer.read()
        if not given.endswith(b"\n"):
            print("new crontab file is missing newline before EOF, can't install.", file=sys.stderr)
            return 1
        for number, line in enumerate(given.split(b"\n"), 1):
            if not LINE.fullmatch(line) or len(line) > 998:
                print(f'"-":{number}: bad minute\nerrors in crontab file, can\'t install.', file=sys.stderr)
                return 1
        spool.write_bytes(given)
        return 0
    print("crontab: usage error", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(os.environ["CRONTAB_DOUBLE"])))
