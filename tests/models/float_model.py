"""The same checkpoint in Hugging Face transformers, in float32: what a private run should say."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import OlmoeForCausalLM

FloatArray = NDArray[np.float64]


class FloatModel:
    """A model directory as `OlmoeForCausalLM` reads it, every weight from the files."""

    def __init__(self, directory: Path) -> None:
        model, loading = OlmoeForCausalLM.from_pretrained(
            directory,
            dtype=torch.float32,
            # Its default product of all experts at once takes widths that are multiples of 4 only.
            experts_implementation="eager",
            local_files_only=True,
            output_loading_info=True,
        )
        # What the library does not find it draws at random.
        assert not any(loading.values()), loading
        torch.set_num_threads(1)  # the models are small: threads would wait for one another
        self._model = model.eval()
        self._top_k: int = model.config.num_experts_per_tok

    def logits(self, token_ids: Sequence[int]) -> FloatArray:
        """(tokens, V): what follows each prefix."""
        return self._run(token_ids)[0]

    def routing_margins(self, token_ids: Sequence[int]) -> FloatArray:
        """(layers, tokens): by how much the last chosen expert's router logit leads the next.

        Infinite where every expert is chosen.
        """
        scores = np.sort(self._run(token_ids)[1], axis=-1)[..., ::-1]
        k = self._top_k
        if k == scores.shape[-1]:
            return np.full(scores.shape[:2], np.inf)
        margins: FloatArray = scores[..., k - 1] - scores[..., k]
        return margins

    def _run(self, token_ids: Sequence[int]) -> tuple[FloatArray, FloatArray]:
        with torch.no_grad():
            result: Any = self._model(torch.tensor([list(token_ids)]), output_router_logits=True)
        router_logits = np.stack([scores.double().numpy() for scores in result.router_logits])
        return result.logits[0].double().numpy(), router_logits


def reached_by_flips(margins: FloatArray, bound: float) -> NDArray[np.bool_]:
    """(tokens,): positions whose logits may differ since some routing margin is below `bound`.

    A token that goes to another expert changes its own row, and through the attention of the
    layers above every later one.
    """
    small = margins < bound
    earlier = np.logical_or.accumulate(small[:-1].any(axis=0))
    result: NDArray[np.bool_] = small[-1] | earlier
    return result
