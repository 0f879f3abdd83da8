"""The operations of the contract, the descriptors that the SDK has of them, and its methods."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from operator import attrgetter
from typing import Any, NamedTuple

import heygen_async.endpoints
from heygen_async import HeyGen
from heygen_async.session.endpoint import Endpoint
from tests.contract.schemas import CONTRACT, alternatives


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
    def path_names(self) -> list[str]:
        """Its path parameters, in the order of the path."""
        return [part.partition("}")[0] for part in self.path.split("{")[1:]]

    @property
    def keyed(self) -> bool:
        """Whether it takes an Idempotency-Key."""
        return "Idempotency-Key" in self.names("header")

    @property
    def body(self) -> dict[str, Any] | None:
        """The schema of its JSON body, None where it has none."""
        content = self.description.get("requestBody", {}).get("content", {})
        schema: dict[str, Any] | None = content.get("application/json", {}).get("schema")
        return schema

    @property
    def bodies(self) -> list[str]:
        """Names of the schemas that its JSON body may be."""
        parts = [] if self.body is None else alternatives(self.body)
        return [part["ref"] for part in parts if "ref" in part]

    @property
    def status(self) -> int:
        """Status of a good answer."""
        return next(int(status) for status in self.description["responses"] if status[0] == "2")

    @property
    def answer(self) -> dict[str, Any]:
        """The schema of a good answer, in its envelope."""
        content = self.description["responses"][str(self.status)]["content"]
        schema: dict[str, Any] = content["application/json"]["schema"]
        return schema

    @property
    def data(self) -> dict[str, Any]:
        """The schema of ``data`` in a good answer."""
        data: dict[str, Any] = self.answer["properties"]["data"]
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

LISTS = sorted({endpoint.operation for endpoint in DESCRIPTORS if endpoint.envelope == "page"})
KEYED = sorted(name for name, operation in OPERATIONS.items() if operation.keyed)


def method_of(heygen: HeyGen, operation: str) -> Callable[..., Any]:
    """The method of a client that has the operation's name."""
    method: Callable[..., Any] = attrgetter(operation)(heygen)
    return method
