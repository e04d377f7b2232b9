"""One party of a run, as a process of its own: `python -m cryptomoe.cli.party_process`.

It reads its job as one line of JSON on standard input, and the client a second line with the port;
what happens is told as lines of JSON on standard output. Secrets come by that pipe alone: the
prompt only to the client, and the client never opens the weights.
"""

import json
import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from cryptomoe_spec.contracts import contract_hash

from cryptomoe import __version__
from cryptomoe.cli.many_parties import plain_logits, take_part, terms_among_many
from cryptomoe.cli.progress import by_layers
from cryptomoe.engines.shapes import ShapeEngine
from cryptomoe.engines.two_party import TwoPartyEngine
from cryptomoe.errors import CryptoMoEError, UsageError
from cryptomoe.field import IntArray
from cryptomoe.fixed_point import ACTIVATION_BOUND
from cryptomoe.he.backends import BACKENDS
from cryptomoe.he.parameters import STANDARD
from cryptomoe.models.checkpoint import load_weights
from cryptomoe.models.config import read_config
from cryptomoe.net.carrier import Carrier
from cryptomoe.net.channel import Channel
from cryptomoe.net.handshake import handshake
from cryptomoe.net.mesh import join_mesh
from cryptomoe.net.mpyc_connection import LOOPBACK, connect, listen
from cryptomoe.net.packing import check_range
from cryptomoe.net.recorder import Recorder
from cryptomoe.party import Party
from cryptomoe.protocols.shape import TransformerOptions, TransformerShape, TransformerWeights
from cryptomoe.protocols.transformer import Generation, transformer
from cryptomoe.randomness import Randomness

_CONNECT_SECONDS = 30.0


def tell(event: str, **values: Any) -> None:
    """One line to the process that started this one."""
    sys.stdout.write(json.dumps({"event": event, **values}) + "\n")
    sys.stdout.flush()


def terms(
    shape: TransformerShape, options: TransformerOptions, truncation: str, *, he: str, ot: str
) -> dict[str, str | int | bool | None]:
    """Everything public that both parties must agree on before anything secret moves."""
    agreed: dict[str, str | int | bool | None] = {"version": __version__}
    for group in (asdict(shape), asdict(options), STANDARD.describe()):
        for name, value in group.items():
            agreed[name] = str(value) if isinstance(value, float | Fraction) else value
    return agreed | {
        "truncation": truncation,
        "routing": "balanced",
        "he": he,
        "ot": ot,
        "parties": 2,
        "contracts": contract_hash(),
    }


def options_of(job: Mapping[str, Any]) -> TransformerOptions:
    """The public options in a job."""
    values = dict(job["options"])
    return TransformerOptions(**{**values, "alpha": Fraction(values["alpha"])})


def run(job: Mapping[str, Any]) -> None:
    """Take part in one run and tell how it ended.

    Raises:
        CryptoMoEError: the checkpoint cannot be used, or the run failed.
    """
    if job.get("parties", 2) > 2:
        run_among_many(job)
        return
    party = Party[job["party"].upper()]
    directory = Path(job["model"])
    shape = read_config(directory).shape
    weights = load_weights(directory, shape) if party is Party.SERVER else None
    # Whether the answers fit the flood's budget is known from the shape, before anybody connects.
    transformer(ShapeEngine(), shape, options_of(job), None, None)
    recorder = Recorder() if job["transcript"] else None
    with Channel(party, _carrier(party), recorder) as channel:
        agreed = terms(shape, options_of(job), job["truncation"], he=job["he"], ot=job["ot"])
        handshake(channel, agreed)
        tell("connected")
        generation = _generate(channel, job, shape, weights)
    statistics = channel.statistics()
    tell(
        "done",
        token_ids=None if generation is None else list(generation.token_ids),
        logits=plain_logits(generation),
        statistics=asdict(statistics),
        transcript=None
        if recorder is None
        else [
            {"label": record.label, "size": record.size, "depth": record.depth,
             "online": record.online}
            for record in recorder.records
        ],
    )  # fmt: skip


def run_among_many(job: Mapping[str, Any]) -> None:
    """Take part in one run of three parties or more and tell how it ended.

    Raises:
        CryptoMoEError: the checkpoint cannot be used, or the run failed.
    """
    index, parties = job["index"], job["parties"]
    directory = Path(job["model"])
    shape, options = read_config(directory).shape, options_of(job)
    weights = load_weights(directory, shape) if index == Party.SERVER else None
    with ExitStack() as until_connected:
        listener = None
        if index:
            listener = until_connected.enter_context(listen(LOOPBACK))
            tell("listening", port=listener.port)
        addresses = [(LOOPBACK, port) for port in _ports(parties)]
        agreed = terms_among_many(shape, options, job["truncation"], parties, job["threshold"])
        carriers = join_mesh(index, addresses, listener, agreed, _CONNECT_SECONDS)
    tell("connected")
    generation, statistics = take_part(
        index, carriers, shape, options, job["truncation"], job["threshold"],
        weights=weights, token_ids=job.get("token_ids"),
        on_scope=by_layers(shape, options, _tell_layer),
    )  # fmt: skip
    tell(
        "done",
        token_ids=None if generation is None else list(generation.token_ids),
        logits=plain_logits(generation),
        statistics=asdict(statistics),
        transcript=None,
    )


def _ports(parties: int) -> list[int]:
    """Where each party listens; the client, who does not, has port 0."""
    line = sys.stdin.readline()
    if not line:
        raise UsageError("the other parties' addresses never came")
    known = dict(json.loads(line)["ports"])
    return [known.get(party, 0) for party in range(parties)]


def _carrier(party: Party) -> Carrier:
    if party is Party.SERVER:
        with listen(LOOPBACK) as listener:
            tell("listening", port=listener.port)
            return listener.accept(_CONNECT_SECONDS)
    line = sys.stdin.readline()
    if not line:
        raise UsageError("the server's address never came")
    return connect(LOOPBACK, json.loads(line)["port"], _CONNECT_SECONDS)


def _generate(
    channel: Channel,
    job: Mapping[str, Any],
    shape: TransformerShape,
    weights: TransformerWeights | None,
) -> Generation | None:
    options = options_of(job)
    engine = TwoPartyEngine(
        channel,
        Randomness(),
        job["truncation"],
        backend=BACKENDS[job["he"]],
        ot=job["ot"],
        on_scope=by_layers(shape, options, _tell_layer),
    )
    engine.setup()
    table = None
    if options.embedding == "public":
        table = _share_table(channel, shape, weights)
    channel.start_online()
    token_ids = job.get("token_ids")
    return transformer(engine, shape, options, weights, token_ids, table=table)


def _share_table(
    channel: Channel, shape: TransformerShape, weights: TransformerWeights | None
) -> IntArray | None:
    """The server's embedding table (V, d) to the client, as the option says aloud."""
    size = (shape.vocabulary, shape.hidden)
    with channel.scope("setup"):
        if weights is not None:
            channel.send_array("embedding_table", weights.embedding.astype(np.int32))
            return None
        table = channel.receive_array("embedding_table", size, np.int32)
        check_range(
            channel.label("embedding_table"), np.abs(table).astype(np.uint64), ACTIVATION_BOUND
        )
        return table.astype(np.int64)


def _tell_layer(number: int, total: int) -> None:
    tell("layer", number=number, total=total)


def main() -> None:
    """Run the job on standard input; exit status as the command line's."""
    try:
        run(json.loads(sys.stdin.readline()))
    except CryptoMoEError as error:
        status = 2 if isinstance(error, UsageError) else 1
        tell("error", status=status, message=str(error))
        sys.exit(status)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other process must be told
        # The message of an unforeseen error might quote a value, so only its type is passed on.
        tell("error", status=1, message=f"internal error ({type(error).__name__})")
        sys.exit(1)
    # Threads of the connection are daemons; nothing is left to wait for.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
