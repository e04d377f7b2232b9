"""`cryptomoe reference`: the fixed-point specification of a run, in the clear, and its traffic.

The traffic is what the specification predicts from public parameters alone. It is handed the
layouts that the planner chooses and the sizes of the encryption scheme's objects.
"""

import time
from dataclasses import asdict, fields
from typing import Any, TypeVar

import click
import cryptomoe_spec.shape as spec
from cryptomoe_spec.errors import RangeError as SpecificationRangeError
from cryptomoe_spec.messages.transcript import Transcript, predict_run
from cryptomoe_spec.messages.wire import HeSizes, Layout, Message, Setting
from cryptomoe_spec.transformer import transformer

from cryptomoe.cli.options import RunRequest, resolve, run_options
from cryptomoe.cli.report import Outcome, Traffic, write_file, write_report
from cryptomoe.errors import RangeError
from cryptomoe.he.backends import BACKENDS, DEFAULT_BACKEND
from cryptomoe.he.layouts.lanes import plan_lanes
from cryptomoe.he.parameters import STANDARD, HeParameters
from cryptomoe.models.checkpoint import load_weights
from cryptomoe.net.recorder import Record, json_lines
from cryptomoe.ot.rows import Method
from cryptomoe.party import Party

Target = TypeVar("Target")


@click.command()
@run_options
def reference(**values: Any) -> None:
    """Compute what `infer` computes, in the clear and by the exact functions."""
    request = resolve(values)
    started = time.perf_counter()
    token_ids, logits = evaluate(request)
    transcript = predicted(request)
    if request.transcript is not None:
        records = [_record(message) for message in transcript.merged()]
        write_file(request.transcript, "".join(line + "\n" for line in json_lines(records)))
    write_report(
        request,
        Outcome(
            command="reference",
            token_ids=token_ids,
            logits_fixed=logits,
            seconds=time.perf_counter() - started,
            traffic=_traffic(transcript),
            notes={"computed": "exact", "parties": 2},
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


def predicted(request: RunRequest) -> Transcript:
    """Every message that `infer` will send, from the public part of the request."""
    shape = _restated(spec.TransformerShape, request.config.shape)
    options = _restated(spec.TransformerOptions, request.options)
    agreed = setting(exact=request.truncation == "exact", he=request.he, ot=request.ot)
    return predict_run(agreed, shape, options)


def setting(
    *,
    exact: bool,
    he: str = DEFAULT_BACKEND,
    ot: Method = "iknp",
    parameters: HeParameters = STANDARD,
) -> Setting:
    """The public parameters of a session, as this package's planner and parameters give them."""

    def layout(batch: int, rows: int, d1: int, d2: int) -> Layout:
        plan = plan_lanes(parameters, batch, rows, d1, d2)
        return Layout(plan.requests, plan.answers, plan.galois_steps)

    sizes = asdict(BACKENDS[he].sizes(parameters))
    return Setting(HeSizes(slots=parameters.slots, **sizes), layout, exact, ot)


def _traffic(transcript: Transcript) -> Traffic:
    return Traffic(
        rounds=transcript.rounds,
        bytes_sent={party.name.lower(): transcript.bytes_sent(party) for party in Party},
        setup_bytes={party.name.lower(): transcript.setup_bytes(party) for party in Party},
        by_label=transcript.by_label(),
    )


def _record(message: Message) -> Record:
    return Record(
        sender=Party(message.sender),
        label=message.label,
        size=message.size,
        depth=message.depth,
        online=message.phase == "online",
        payload=None,
    )


def _restated(kind: type[Target], stated: Any) -> Target:
    """The specification's own class with the fields of the protocols' class of the same name."""
    return kind(**{item.name: getattr(stated, item.name) for item in fields(stated)})
