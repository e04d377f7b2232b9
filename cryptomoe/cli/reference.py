"""`cryptomoe reference`: the fixed-point specification of a run, in the clear."""

import time
from dataclasses import fields
from typing import Any, TypeVar

import click
import cryptomoe_spec.shape as spec
from cryptomoe_spec.errors import RangeError as SpecificationRangeError
from cryptomoe_spec.transformer import transformer

from cryptomoe.cli.options import RunRequest, resolve, run_options
from cryptomoe.cli.report import Outcome, write_report
from cryptomoe.errors import RangeError
from cryptomoe.models.checkpoint import load_weights

Target = TypeVar("Target")


@click.command()
@run_options
def reference(**values: Any) -> None:
    """Compute what `infer` computes, in the clear and by the exact functions."""
    request = resolve(values)
    started = time.perf_counter()
    token_ids, logits = evaluate(request)
    write_report(
        request,
        Outcome(
            command="reference",
            token_ids=token_ids,
            logits_fixed=logits,
            seconds=time.perf_counter() - started,
            traffic=None,
            notes={"computed": "exact"},
        ),
    )


def evaluate(request: RunRequest) -> tuple[list[int], list[int] | None]:
    """New token ids, and the logits if they are to be revealed.

    Raises:
        ModelError: the checkpoint cannot be used.
        RangeError: some value left the range that its functionality allows.
    """
    weights = load_weights(request.directory, request.config.shape)
    layers = tuple(_restated(spec.LayerWeights, layer) for layer in weights.layers)
    stated = spec.TransformerWeights(weights.embedding, layers, weights.head)
    shape = _restated(spec.TransformerShape, request.config.shape)
    options = _restated(spec.TransformerOptions, request.options)
    try:
        result = transformer(shape, options, stated, request.token_ids)
    except SpecificationRangeError as error:
        raise RangeError(f"the model leaves its fixed-point range: {error}") from None
    logits = None if result.logits is None else [int(value) for value in result.logits]
    return [int(token) for token in result.token_ids], logits


def _restated(kind: type[Target], stated: Any) -> Target:
    """The specification's own class with the fields of the protocols' class of the same name."""
    return kind(**{item.name: getattr(stated, item.name) for item in fields(stated)})
