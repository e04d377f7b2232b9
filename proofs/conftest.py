"""Proofs report what they prove, and find the mathematics that stands beside them."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def _stated(request: pytest.FixtureRequest, record_property: Callable[[str, Any], None]) -> None:
    """The claim of a proof becomes the property "proof" of its report."""
    stated = getattr(request.function, "proof", None)
    if stated is not None:
        record_property("proof", stated)
