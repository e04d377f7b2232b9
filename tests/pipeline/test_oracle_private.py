"""Private inference with the trained weights against Hugging Face transformers on the same prompts.

In approximate mode, the default, on prompts from stories that training never saw.
"""

from fractions import Fraction

import numpy as np
import pytest
from clear_model import TINY, UNIT, held_out
from float_model import FloatModel, reached_by_flips
from two_party_pair import run_two_party

from cryptomoe.models.checkpoint import load_weights
from cryptomoe.models.config import read_config
from cryptomoe.party import Party
from cryptomoe.protocols.shape import TransformerOptions
from cryptomoe.protocols.transformer import transformer

MARGIN = 2**-4
"""Private and float logits differ by less than half of this; measured: 2^-7.6."""
ROUTING_MARGIN = 2**-7
"""Router logits that differ by less may change places by rounding."""


def private_run(prompt: list[int], padded_length: int, alpha: Fraction) -> tuple[int, list[float]]:
    """(the token, the logits that follow the prompt), as the client of a two-party run sees them.

    Each party is given what it holds: the server the weights, the client the prompt.
    """
    model_shape = read_config(TINY).shape
    weights = load_weights(TINY, model_shape)
    options = TransformerOptions(padded_length, alpha=alpha)
    client = run_two_party(
        lambda engine: transformer(
            engine,
            model_shape,
            options,
            weights if engine.party is Party.SERVER else None,
            prompt if engine.party is Party.CLIENT else None,
        ),
        "approximate",
    ).client
    assert client is not None
    assert client.logits is not None
    return client.token_ids[0], [float(value) * UNIT for value in client.logits]


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("story", "start", "length", "padded_length", "alpha"),
    [
        (0, 14, 7, 8, 4),
        (80, 9, 6, 8, 4),
        (160, 0, 8, 8, 4),
        (399, 16, 5, 5, 4),
        (240, 4, 13, 16, 2),
    ],
)
def test_private_runs_choose_what_the_float_model_would(
    story: int, start: int, length: int, padded_length: int, alpha: int
) -> None:
    """A word that transformers rates within the margin of its best one, hence the best if clear.

    Three of these leads are above 11 and two below the margin; all routing margins are clear.
    Alpha is 4 where every expert has room for all tokens, as in transformers, and 2 by default.
    """
    prompt = held_out()["stories"][story][start : start + length]
    floating = FloatModel(TINY)
    expected = floating.logits(prompt)[-1]
    token, logits = private_run(prompt, padded_length, Fraction(alpha))
    assert token == int(np.argmax(logits))
    assert expected[token] > expected.max() - MARGIN
    assert not reached_by_flips(floating.routing_margins(prompt), ROUTING_MARGIN)[-1]
    assert np.abs(logits - expected).max() < MARGIN / 2
