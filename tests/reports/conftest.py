"""The sandbox, the client and the template of the tests of bulk runs."""

from tests.batch.conftest import heygen_settings, sandbox_settings, template_id

__all__ = ["heygen_settings", "sandbox_settings", "template_id"]
