"""Which handlers answer to a notification."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby

from sparkbed.playbook.plays import Task


class Handlers:
    """The handlers of a play in the order in which they run; roles that tasks include add theirs.

    `name_of` gives a handler's name with its templates rendered.
    """

    def __init__(self, tasks: Iterable[Task], name_of: Callable[[Task], str]) -> None:
        self.tasks = list(tasks)
        self._name_of = name_of

    def answering(self, notification: str) -> list[int]:
        """The places of the handler of that name, and of all that listen to it; of one name, one of each."""
        found: list[int] = []
        for index in self._searched():
            if self.tasks[index].name and notification in self.names(self.tasks[index]):
                found.append(index)
                break
        seen: set[str] = set()
        for index in self._searched():
            handler = self.tasks[index]
            if notification not in topics(handler):
                continue
            name = self._name_of(handler)
            if name and name in seen:
                continue
            seen.add(name)
            if index not in found:
                found.append(index)
        return found

    def _searched(self) -> list[int]:
        """The order in which ansible-core looks: lists of handlers from the last to the first, each from its top."""
        lists = groupby(range(len(self.tasks)), lambda index: self.tasks[index].place.role)
        return [index for indices in reversed([list(group) for _, group in lists]) for index in indices]

    def names(self, handler: Task) -> tuple[str, str]:
        """A handler's name, and the same with its role's."""
        name = self._name_of(handler)
        return name, handler.titled(name)


def topics(handler: Task) -> list[str]:
    """What a handler listens to; those of a role's can be named with the role's name, too."""
    role = handler.place.role
    return [*handler.listen, *(f"{role.name} : {topic}" for topic in handler.listen if role)]
