"""A stack's parameters as `sam --parameter-overrides` takes them."""

from __future__ import annotations

from collections.abc import Mapping


def overrides(parameters: Mapping[str, str]) -> list[str]:
    """Each parameter as `Name="value"`: without the quotes, sam cuts a value such as `rate(1 minute)` at its space."""
    return [f'{name}="{value}"' for name, value in parameters.items()]
