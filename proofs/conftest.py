"""Proofs report what they prove."""

import pytest


@pytest.fixture(autouse=True)
def _stated(request: pytest.FixtureRequest) -> None:
    """The claim of a proof becomes the property "proof" of its report.

    As `record_property` does, which warns where a JUnit file of the newer family is written.
    """
    stated = getattr(request.function, "proof", None)
    if stated is not None:
        request.node.user_properties.append(("proof", stated))
