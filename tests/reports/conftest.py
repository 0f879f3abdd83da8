"""The sandbox and the client of the bulk runs' tests."""

from tests.batch.conftest import heygen, sandbox, template_id

__all__ = ["heygen", "sandbox", "template_id"]
