"""The operations of the contract, and the descriptors that the SDK has of them."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any, NamedTuple

import heygen_async.endpoints
from heygen_async.session.endpoint import Endpoint
from tests.models.contract import CONTRACT


class Operation(NamedTuple):
    """One operation of the contract.

    Attributes:
        method: HTTP method.
        path: Path with its parameters in braces.
        description: What the contract says of it.
    """

    method: str
    path: str
    description: dict[str, Any]

    @property
    def parameters(self) -> list[dict[str, Any]]:
        shared = CONTRACT["components"]["parameters"]
        return [
            shared[parameter["$ref"].rpartition("/")[2]] if "$ref" in parameter else parameter
            for parameter in self.description.get("parameters", [])
        ]

    def names(self, place: str) -> list[str]:
        return [parameter["name"] for parameter in self.parameters if parameter["in"] == place]

    @property
    def data(self) -> dict[str, Any]:
        """The schema of ``data`` in a good answer."""
        responses = self.description["responses"]
        answer = next(answer for status, answer in responses.items() if status.startswith("2"))
        schema: dict[str, Any] = answer["content"]["application/json"]["schema"]
        data: dict[str, Any] = schema["properties"]["data"]
        return data


OPERATIONS = {
    description["operationId"]: Operation(method.upper(), path, description)
    for path, methods in CONTRACT["paths"].items()
    for method, description in methods.items()
}

DESCRIPTORS: list[Endpoint[Any]] = [
    value
    for module in pkgutil.iter_modules(heygen_async.endpoints.__path__)
    for value in vars(importlib.import_module(f"heygen_async.endpoints.{module.name}")).values()
    if isinstance(value, Endpoint)
]

ELSEWHERE = {
    "templates.generate_v2": "templates.generate sends it too, as its version says",
}
"""Operations without a method of their name, each with its reason."""

SERVED = sorted(OPERATIONS.keys() - ELSEWHERE.keys())

LISTS = sorted({endpoint.operation for endpoint in DESCRIPTORS if endpoint.envelope == "page"})
