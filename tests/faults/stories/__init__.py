"""How each command is told: the event that starts it, what happened before, and when. Every command has a row, and no other thing.

A new command's story goes into the file of its function: `"<function> <method> <path>": sample("<event>")`, most often.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tests.faults.stories import account, machines, manage, operate, payments, queues, shopping, supply, tracking
from tests.faults.stories.telling import Story, sample_event

__all__ = ["STORIES", "Story", "sample_event"]

_FILES = (account, shopping, payments, tracking, manage, supply, operate, machines, queues)


def _together(files: Iterable[Mapping[str, tuple[Story, ...]]]) -> dict[str, tuple[Story, ...]]:
    stories: dict[str, tuple[Story, ...]] = {}
    for file in files:
        twice = stories.keys() & file.keys()
        if twice:
            raise ValueError(f"told in two files: {sorted(twice)}")
        stories |= file
    return stories


STORIES = _together(file.STORIES for file in _FILES)
"""Every command's stories, by its name."""
