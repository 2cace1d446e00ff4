"""All requests in which a body, a form or a query names what is another's: those of `bodies.py`, and every list's cursor."""

from __future__ import annotations

from tests.access.bodies import BODIES, CURSORS, cursor_of_another
from tests.access.callers import EVERYBODY
from tests.access.fields import all_fields
from tests.access.rows import EVERYONE, ROWS

NAMED = (
    *BODIES,
    *(
        cursor_of_another(field.route, min(ROWS[field.route].may), field.name)
        for field in all_fields()
        if field.name in CURSORS and not field.is_operators and ROWS.get(field.route, EVERYONE).may != EVERYBODY
    ),
)
