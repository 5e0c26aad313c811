"""Which tasks `--tags` and `--skip-tags` leave."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from sparkbed.playbook.plays import Play, Step, Task


def wanted(tags: Collection[str], only: Collection[str], skip: Collection[str]) -> bool:
    """Whether a task with `tags` runs; `always`, `never`, `all`, `tagged` and `untagged` mean what Ansible says."""
    own = set(tags) or {"untagged"}
    run = True
    if only:
        run = (
            "always" in own
            or ("all" in only and "never" not in own)
            or bool(own & set(only))
            or ("tagged" in only and own != {"untagged"} and "never" not in own)
        )
    elif "never" in own:
        run = False
    if run and skip:
        if "all" in skip:
            return "always" in own and "always" not in skip
        if own & set(skip) or ("tagged" in skip and own != {"untagged"}):
            return False
    return run


def filtered(play: Play, only: Collection[str], skip: Collection[str]) -> Play:
    """The play with only the wanted tasks. Handlers stay: whether they run is said by what notifies them."""

    def keep(steps: Iterable[Step]) -> tuple[Step, ...]:
        kept: list[Step] = []
        for step in steps:
            if isinstance(step, Task):
                if step.module == "meta" or wanted(step.settings.tags, only, skip):
                    kept.append(step)
            else:
                tasks, rescue, always = keep(step.tasks), keep(step.rescue), keep(step.always)
                if tasks or rescue or always:
                    kept.append(replace(step, tasks=tasks, rescue=rescue, always=always))
        return tuple(kept)

    return replace(play, pre_tasks=keep(play.pre_tasks), tasks=keep(play.tasks), post_tasks=keep(play.post_tasks))
