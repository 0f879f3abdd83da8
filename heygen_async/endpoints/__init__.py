"""Typed endpoint coroutines, one module per resource; named as the API's operations are."""
