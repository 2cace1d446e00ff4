"""The OpenAPI 3.1 document of the service center, made from what its router declares.

Run when building, never by a function:

    python -m mart_union.web.center_openapi > build/openapi-center.json
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from mart_union.web.openapi import ANY_UNION, PROBLEM_SCHEMA, VERSION, problem_responses, schemas_of
from mart_union.web.paths import PARAMETER_LENGTH

ANY_CENTER = {**ANY_UNION, "SILENT_MINUTES": "5", "OPERATOR_GROUP": "network-operator"}
"""Settings of no center: none of them shows in the document."""

_SECURITY_SCHEMES = {
    "operator": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token of the network's user pool; only members of the network operators' group may.",
    },
    "union": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token that the union's app client got with its client credentials.",
    },
}
_TEXT = {"type": "string"}


def describe_center(router: Any, version: str) -> dict[str, Any]:
    """The OpenAPI document of the router's module: its Chalice `app`, and what each route `SAYS`."""
    says = router.SAYS
    schemas, components = schemas_of(
        [kind for each in says.values() for kind in (each.body, each.answer) if kind not in {None, str}]
    )
    paths: dict[str, Any] = {}
    for path, methods in sorted(router.app.routes.items()):
        for method, entry in sorted(methods.items()):
            handler = entry.view_function
            paths.setdefault(path, {})[method.lower()] = {
                "operationId": f"{method.lower()}_{handler.__name__}",
                "summary": (handler.__doc__ or handler.__name__).splitlines()[0],
                **_operation(path, says[handler.__name__], schemas),
            }
    return {
        "openapi": VERSION,
        "info": {"title": "Mart Union: the service center", "version": version},
        "servers": [{"url": "/", "description": "The service center's own address"}],
        "paths": paths,
        "components": {
            "schemas": {**components, "Problem": PROBLEM_SCHEMA},
            "responses": problem_responses(),
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }


def _operation(path: str, says: Any, schemas: Mapping[Any, dict[str, Any]]) -> dict[str, Any]:
    name = {"type": "string", "minLength": 1, "maxLength": PARAMETER_LENGTH}
    parameters = [
        {"name": each, "in": "path", "required": True, "schema": name} for each in re.findall(r"{(\w+)}", path)
    ]
    parameters += [{"name": each, "in": "query", "schema": _TEXT} for each in says.query]
    suffix = "-page" if says.page else ""
    refusals = {str(each): {"$ref": f"#/components/responses/{each}{suffix}"} for each in (*says.refusals, 500)}
    operation: dict[str, Any] = {
        "security": [{says.caller: []}] if says.caller else [],
        "parameters": parameters,
        "responses": {str(says.status): _success(says, schemas), **refusals},
    }
    if says.body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schemas[says.body]}}}
    return operation


def _success(says: Any, schemas: Mapping[Any, dict[str, Any]]) -> dict[str, Any]:
    if says.status == 302:
        location = {"required": True, "schema": _TEXT}
        return {"description": "The front page of the union", "headers": {"Location": location}}
    if says.answer is None:
        return {"description": "Done, and nothing to tell"}
    if says.answer is str:
        return {"description": "A page", "content": {"text/html": {"schema": _TEXT}}}
    return {"description": "As it is now", "content": {"application/json": {"schema": schemas[says.answer]}}}


def load_router(functions: Path) -> Any:
    """The router's module in a folder of functions."""
    if str(functions) not in sys.path:
        sys.path.insert(0, str(functions))
    return importlib.import_module("router.app")


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the document of the router in a folder of functions."""
    parser = argparse.ArgumentParser(description="Write the service center's OpenAPI document.")
    parser.add_argument("--functions", type=Path, default=Path("functions"), help="the folder of the functions")
    parser.add_argument("--version", default="0.1.0", help="the version that the document states")
    known = parser.parse_args(arguments)
    for name, value in ANY_CENTER.items():
        os.environ.setdefault(name, value)
    document = describe_center(load_router(known.functions), known.version)
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")


if __name__ == "__main__":
    main()
