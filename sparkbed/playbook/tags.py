"""Which tasks `--tags` and `--skip-tags` leave."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

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


@dataclass(frozen=True, eq=False, repr=False)
class Choice:
    """What `--tags` and `--skip-tags` say."""

    only: Collection[str] = ()
    skip: Collection[str] = ()

    def steps(self, steps: Iterable[Step]) -> tuple[Step, ...]:
        """The wanted ones of `steps`."""
        kept: list[Step] = []
        for step in steps:
            if isinstance(step, Task):
                if wanted(step.settings.tags, self.only, self.skip):
                    kept.append(step)
            else:
                tasks, rescue, always = self.steps(step.tasks), self.steps(step.rescue), self.steps(step.always)
                if tasks or rescue or always:
                    kept.append(replace(step, tasks=tasks, rescue=rescue, always=always))
        return tuple(kept)

    def play(self, play: Play) -> Play:
        """The play with only the wanted tasks. Handlers stay: whether they run is said by what notifies them."""
        gathers = wanted(play.settings.tags or ("always",), self.only, self.skip)
        return replace(
            play,
            gathering=play.gathering if gathers else replace(play.gathering, wanted=False),
            pre_tasks=self.steps(play.pre_tasks),
            role_steps=self.steps(play.role_steps),
            tasks=self.steps(play.tasks),
            post_tasks=self.steps(play.post_tasks),
        )
