"""Compare the contract, the SDK and the sandbox, and print a table: ``nox -s contract``."""

from __future__ import annotations

import sys
from collections import Counter
from itertools import groupby

from heygen_async import HeyGen
from heygen_async.sandbox.operations import HANDLERS
from heygen_async.version import SPECIFICATION
from tests.contract.differences import DIFFERENCES
from tests.contract.operations import DESCRIPTORS, OPERATIONS, method_of


def table() -> tuple[list[tuple[str, ...]], int]:
    """A row for every operation, and how many are there on both sides."""
    heygen = HeyGen("sk_V2_anything", base_url="http://127.0.0.1:9")
    described = Counter(endpoint.operation for endpoint in DESCRIPTORS)
    rows, whole = [], 0
    for name, operation in sorted(OPERATIONS.items()):
        try:
            has_method = callable(method_of(heygen, name))
        except AttributeError:
            has_method = False
        there = (described[name] == 1, has_method, name in HANDLERS)
        whole += all(there)
        marks = tuple("yes" if found else "NO" for found in there)
        rows.append((name, operation.method, operation.path, *marks))
    return rows, whole


def main() -> int:
    """Print the table and the differences; 1 where an operation lacks something."""
    rows, whole = table()
    head = ("operation", "", "path", "descriptor", "method", "sandbox")
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for row in [head, *rows]:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )
    print(
        f"\n{whole} of {len(OPERATIONS)} operations of HeyGen's public specification of "
        f"{SPECIFICATION} on both sides"
    )
    print(f"\n{len(DIFFERENCES)} deliberate differences:")
    for (aspect, reason), entries in groupby(
        DIFFERENCES, key=lambda entry: (entry.aspect, entry.reason)
    ):
        places = ", ".join(entry.where for entry in entries)
        print(f"- {aspect}: {reason}\n    {places}")
    return 0 if whole == len(OPERATIONS) else 1


if __name__ == "__main__":
    sys.exit(main())
