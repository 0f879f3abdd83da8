"""Settings of the sandbox: how long jobs of each kind run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

DURATIONS = {
    "video": 100.0,
    "agent": 300.0,
    "agent_thinking": 20.0,
    "translation": 200.0,
    "proofread": 150.0,
    "voice_clone": 40.0,
    "lipsync": 120.0,
    "ai_clipping": 300.0,
    "avatar": 90.0,
    "background_removal": 80.0,
    "filler_word_removal": 70.0,
    "hyperframes": 60.0,
    "brand_kit": 50.0,
}


@pytest.fixture
def sandbox_settings() -> Mapping[str, Any]:
    return {"durations": DURATIONS}
