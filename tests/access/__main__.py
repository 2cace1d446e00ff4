"""`python -m tests.access`: how many cells the matrix has."""

from __future__ import annotations

import tests.conftest  # noqa: F401 - the environment of a union
from tests.access.callers import CALLERS
from tests.access.cells import cells_of
from tests.access.gate import center_doors, union_doors
from tests.access.machines import SIGNATURES
from tests.access.naming import NAMED


def main() -> None:
    """Count routes, callers and cells."""
    doors = (*union_doors(), *center_doors())
    cells = [cell for door in doors for cell in cells_of(door)]
    allowed = sum(cell.is_allowed for cell in cells)
    print(f"{len(doors)} routes ({len(center_doors())} of the service center) x {len(CALLERS)} callers")
    print(f"{len(cells)} cells: {allowed} are answered, {len(cells) - allowed} denied")
    print(
        f"and {len(NAMED)} in which a body or query names another's object, {len(SIGNATURES)} of signatures that do not fit"
    )


if __name__ == "__main__":
    main()
