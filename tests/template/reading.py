"""Templates as plain data: a function such as `!Sub x` reads as `{"Sub": "x"}`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CENTER = ROOT / "template.yaml"
UNION = ROOT / "infra" / "union.yaml"

Resource = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """Knows CloudFormation's short forms."""


def _function(loader: _Loader, name: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _function)


@cache
def read(path: Path) -> dict[str, Any]:
    """A template."""
    return dict(yaml.load(path.read_text(), _Loader))


def resources(path: Path, kind: str) -> dict[str, Resource]:
    """A template's resources of a type, by logical id."""
    found: dict[str, Resource] = read(path)["Resources"]
    return {name: each for name, each in found.items() if each["Type"] == kind}


def functions(path: Path) -> dict[str, Resource]:
    """The properties of a template's functions."""
    return {name: each["Properties"] for name, each in resources(path, "AWS::Serverless::Function").items()}


def statements(value: Any) -> Iterator[dict[str, Any]]:
    """Every policy statement anywhere within a value."""
    if isinstance(value, dict):
        if "Effect" in value:
            yield value
        for each in value.values():
            yield from statements(each)
    elif isinstance(value, list):
        for each in value:
            yield from statements(each)


def listed(value: Any) -> list[Any]:
    """A list, or the one thing that stands for it."""
    return value if isinstance(value, list) else [value]


def text(value: Any) -> str:
    """A name or ARN with its functions spelled out, good for looking for a wildcard."""
    if isinstance(value, dict):
        return " ".join(f"{name}({text(inner)})" for name, inner in value.items())
    return " ".join(text(each) for each in value) if isinstance(value, list) else str(value)
