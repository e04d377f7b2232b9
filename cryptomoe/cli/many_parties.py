"""One party's part in a run of three parties or more, once its terms and connections are known."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from fractions import Fraction

from cryptomoe import __version__
from cryptomoe.engines.honest_majority import HonestMajorityEngine, Truncation
from cryptomoe.fixed_point import ACTIVATION_BOUND
from cryptomoe.net.carrier import Carrier
from cryptomoe.net.channel import Statistics
from cryptomoe.net.handshake import Term
from cryptomoe.party import Party
from cryptomoe.protocols.shape import TransformerOptions, TransformerShape, TransformerWeights
from cryptomoe.protocols.transformer import Generation, transformer


def terms_among_many(
    shape: TransformerShape,
    options: TransformerOptions,
    truncation: str,
    parties: int,
    threshold: int | None,
) -> dict[str, Term]:
    """Everything public that every two of three parties or more must agree on."""
    agreed: dict[str, Term] = {"version": __version__}
    for group in (asdict(shape), asdict(options)):
        for name, value in group.items():
            agreed[name] = str(value) if isinstance(value, float | Fraction) else value
    return agreed | {
        "truncation": truncation,
        "routing": "balanced",
        "parties": parties,
        "threshold": threshold,
    }


def take_part(
    index: int,
    carriers: Mapping[int, Carrier],
    shape: TransformerShape,
    options: TransformerOptions,
    truncation: Truncation,
    threshold: int | None,
    *,
    weights: TransformerWeights | None,
    token_ids: list[int] | None,
    on_scope: Callable[[str], None],
) -> tuple[Generation | None, Statistics]:
    """Run the model as party `index`; what it learns, which is None but at the client.

    `weights` are the server's alone and `token_ids` the client's; both None elsewhere.

    Raises:
        ProtocolError: the run failed.
    """
    with HonestMajorityEngine(
        index, carriers, truncation, threshold=threshold, on_scope=on_scope
    ) as engine:
        engine.setup()
        table = None
        if options.embedding == "public":
            with engine.scope("setup"):
                held = None if weights is None else weights.embedding
                size = (shape.vocabulary, shape.hidden)
                shared = engine.input(Party.SERVER, held, size, ACTIVATION_BOUND - 1)
                table = engine.reveal(shared, Party.CLIENT)
        engine.start_online()
        generation = transformer(engine, shape, options, weights, token_ids, table=table)
        return generation, engine.statistics()


def plain_logits(generation: Generation | None) -> list[int] | None:
    """The logits as Python's integers; None where they are not known."""
    if generation is None or generation.logits is None:
        return None
    return [int(value) for value in generation.logits]
