"""The scene of the matrix."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.access.account import all_clients_at, emulator
from tests.access.cells import Scene
from tests.access.deployed import Account, both_stacks
from tests.faults.place import place_at
from tests.neighbours import listening


@pytest.fixture(scope="package")
def scene() -> Iterator[Scene]:
    """Both sides of the world, laid once; each cell puts back what it changed."""
    with (
        pytest.MonkeyPatch.context() as patches,
        emulator({}) as account,
        all_clients_at(account),
        listening() as address,
        place_at(address) as place,
    ):
        yield Scene(place, patches)


@pytest.fixture(scope="package")
def deployed() -> Iterator[tuple[Account, dict[str, str]]]:
    """Both stacks in an account that enforces policies, and what was made in it by logical id."""
    with both_stacks() as (account, made):
        yield account, made
