"""A model directory in the Hugging Face layout: what each party reads of it.

The client reads the configuration and the tokenizer, which are public, and never the weights.
"""

from pathlib import Path

from cryptomoe.models.quantize import quantize
from cryptomoe.models.tensors import Tensors
from cryptomoe.protocols.shape import TransformerShape, TransformerWeights


def load_weights(directory: Path, shape: TransformerShape) -> TransformerWeights:
    """The server's fixed-point weights.

    Raises:
        ModelError: files or tensors missing, malformed, or beyond the fixed-point range.
    """
    return quantize(Tensors(directory), shape)
