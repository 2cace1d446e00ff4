"""Days and times that people fill in."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Invalid
from mart_union.kernel.settings import settings

Form = TypeVar("Form", bound=Struct)


def local_moment(field: str, text: str) -> str:
    """What a form's date and time mean in the union's time zone (ISO); '' for none.

    Raises:
        Invalid: it is no date and time.
    """
    if not text:
        return ""
    try:
        return iso(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(settings().time_zone)))
    except (ValueError, OverflowError) as error:
        reason = "choose a day and a time"
        raise Invalid(f"{field}: {reason}", errors=[{"field": field, "reason": reason}]) from error


def with_moments(form: Form, *names: str) -> Form:
    """A form with some of its fields as `local_moment` reads them.

    Raises:
        Invalid: one is not a moment; `errors` names the field.
    """
    return replace(form, **{name: local_moment(name, getattr(form, name)) for name in names})
