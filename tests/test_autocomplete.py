"""Completion on ``heygen.``, its resources and the modules: exactly the public names."""

from __future__ import annotations

import importlib
from collections import defaultdict
from operator import attrgetter

import pytest

from heygen_async import HeyGen
from heygen_async.sandbox.operations import HANDLERS

CLIENT = {
    "aclose",
    "add_hooks",
    "download",
    "lifespan",
    "paused_seconds",
    "request",
    "slots",
    "traffic",
    "upload",
    "upload_all",
}

# Members of resources besides the operations of the API.
BESIDE = {
    "assets.batches": {"attach", "items"},
    "jobs": {
        "attach",
        "expect_deliveries",
        "expected_seconds",
        "forget_deliveries",
        "hint",
        "notify",
    },
    "lipsyncs.batches": {"attach", "items"},
    "proofreads": {"srt_text"},
    "templates": {"find", "variables"},
    "video_translations.batches": {"attach", "items"},
    "videos.batches": {"attach", "items"},
}


def offered(value: object) -> set[str]:
    return {name for name in dir(value) if not name.startswith("_")}


def resources() -> dict[str, set[str]]:
    """Return the names under each resource: operations, own resources, and other members."""
    names = defaultdict[str, set[str]](set)
    for resource in [*HANDLERS, *(f"{place}.{name}" for place in BESIDE for name in BESIDE[place])]:
        while resource:
            resource, _, name = resource.rpartition(".")
            names[resource].add(name)
    names[""] |= CLIENT
    return names


RESOURCES = resources()


@pytest.mark.parametrize("resource", sorted(RESOURCES), ids=lambda name: name or "heygen")
def test_resources_offer_their_operations(resource: str) -> None:
    heygen = HeyGen("sk_V2_anything", base_url="http://127.0.0.1:9")
    assert offered(attrgetter(resource)(heygen) if resource else heygen) == RESOURCES[resource]


@pytest.mark.parametrize("name", ["", ".batch", ".sandbox", ".webhooks"])
def test_modules_offer_their_names(name: str) -> None:
    module = importlib.import_module(f"heygen_async{name}")
    assert offered(module) == {name for name in module.__all__ if not name.startswith("_")}
