"""Record what ansible-core does with the plays: `python -m tests.system.observe [NAME...]`, as root."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.system.comparing import PLAYS, compared, playbook, results, seed, state
from tests.system.machines import machine

ADDRESS = "127.62.0.2"


def observe(play: Path, folder: Path) -> dict[str, Any]:
    """The answers of all tasks and the end state, by ansible-core on a fresh machine."""
    with machine(folder / "theirs", ADDRESS, seed(play.stem, folder / "tree")) as theirs:
        theirs.by_ansible(playbook(play, folder)[0])
        return {"results": [compared(result) for result in results(theirs)], "state": state(theirs, play.stem)}


if __name__ == "__main__":
    for play in PLAYS:
        if not sys.argv[1:] or play.stem in sys.argv[1:]:
            with tempfile.TemporaryDirectory() as folder:
                text = json.dumps(observe(play, Path(folder)), indent=1, sort_keys=True, ensure_ascii=False)
            play.with_suffix(".json").write_text(text + "\n", encoding="utf-8")
            print(play.stem)
