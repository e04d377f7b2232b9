"""Contracts: for every functionality who learns what, its costs as formulas, and what it rests on.

The costs are sympy expressions in the public parameters, derived from the message specification.
They count header and payload. Besides the parameters of a functionality they contain `exact` (1 or
0, the truncation mode), the sizes of the encryption scheme's objects (`ciphertext_slots`,
`request_bytes`, `answer_bytes`, `galois_key_bytes`), the functions `requests` and `answers`, which
give the ciphertexts of the layout chosen for (batch, rows, d1, d2), and `galois_keys`, the number
of rotations whose keys a session has not exchanged yet. The set-up of a session comes before, once:
`cryptomoe_spec.messages.session`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from itertools import product

from cryptomoe_spec.citations import CITATIONS
from cryptomoe_spec.contracts_black_box import BLACK_BOX_FUNCTIONALITIES
from cryptomoe_spec.contracts_formulas import (
    EXACT,
    HE,
    REQUESTS,
    formulas_of,
    of_both_modes,
    symbol,
)
from cryptomoe_spec.contracts_protocols import PROTOCOL_FUNCTIONALITIES
from cryptomoe_spec.contracts_terms import Functionality, Leakage, Parameter
from cryptomoe_spec.contracts_values import Evaluation
from cryptomoe_spec.messages.sizes import Size
from cryptomoe_spec.messages.transcript import Transcript, predict
from cryptomoe_spec.messages.wire import HEADER_BYTES, HeSizes, Layout, Setting
from sympy import Integer, Symbol

ENGINE = "two_party"
FUNCTIONALITIES = (*BLACK_BOX_FUNCTIONALITIES, *PROTOCOL_FUNCTIONALITIES)
GALOIS_KEYS = Symbol("galois_keys", integer=True, nonnegative=True)


@dataclass(frozen=True)
class Costs:
    """A contract's costs in numbers."""

    rounds: int
    client_bytes: int
    server_bytes: int
    setup_bytes: int


@dataclass(frozen=True)
class Contract:
    """One functionality on one engine. Costs are sympy expressions; see the module.

    `rounds` are those of the functionality alone. Nothing is prepared offline: correlations are
    made when they are used, and their bytes are online ones.
    """

    name: str
    kind: str
    engine: str
    parameters: tuple[Parameter, ...]
    leakage: Leakage
    rounds: Size
    client_bytes: Size
    server_bytes: Size
    offline_bytes: Size
    setup_bytes: Size
    range: str
    rounding: str
    citations: tuple[str, ...]
    assumptions: tuple[str, ...]

    @property
    def online_bytes(self) -> Size:
        """Both directions together."""
        return self.client_bytes + self.server_bytes

    def symbol(self, name: str) -> Symbol:
        """The symbol of a parameter, or `exact`, as it stands in the formulas."""
        return EXACT if name == "exact" else symbol(name)

    def costs(self, values: Mapping[str, int], setting: Setting) -> Costs:
        """The formulas at given parameters, in a session that has exchanged no Galois keys.

        Raises:
            ValueError: the parameters are outside what the contract covers.
        """
        evaluation = Evaluation(values, setting)
        rounds, client, server = map(
            evaluation.of, (self.rounds, self.client_bytes, self.server_bytes)
        )
        keys = len(evaluation.rotations)
        setup = keys * (HEADER_BYTES + setting.he.galois_key_bytes)
        return Costs(rounds, client, server, setup if self.setup_bytes != 0 else 0)


def functionality(name: str) -> Functionality:
    """What is declared under a name; KeyError where there is none."""
    return {declared.name: declared for declared in FUNCTIONALITIES}[name]


@cache
def contract(name: str) -> Contract:
    """The contract of a functionality; its formulas are derived when it is first asked for."""
    declared = functionality(name)
    sender = declared.formula or declared.sends
    modes = {exact: formulas_of(sender, exact=exact) for exact in (True, False)}
    rounds, client, server = (
        of_both_modes({exact: getattr(formulas, field) for exact, formulas in modes.items()})
        for field in ("rounds", "client_bytes", "server_bytes")
    )
    key_bytes = GALOIS_KEYS * (HEADER_BYTES + HE.galois_key_bytes)
    return Contract(
        name=name,
        kind=declared.kind,
        engine=ENGINE,
        parameters=declared.parameters,
        leakage=declared.leakage,
        rounds=rounds,
        client_bytes=client,
        server_bytes=server,
        offline_bytes=Integer(0),
        setup_bytes=key_bytes if client.has(REQUESTS) else Integer(0),
        range=declared.range,
        rounding=declared.rounding,
        citations=declared.citations,
        assumptions=declared.assumptions,
    )


def contracts() -> tuple[Contract, ...]:
    """All of them, the black box's first."""
    return tuple(contract(declared.name) for declared in FUNCTIONALITIES)


def prediction(name: str, values: Mapping[str, int], setting: Setting) -> Transcript:
    """Every message of one functionality at given parameters, after a session's set-up."""
    return _transcript(functionality(name), values, setting)


_NOMINAL = HeSizes(8192, 368640, 122880, 430080, 2580480)


def _nominal_layout(batch: int, rows: int, d1: int, d2: int) -> Layout:
    """Some layout that differs with every size, for predictions that are only compared."""
    return Layout(batch * rows + d1, batch * rows + d2, (batch, rows, d1, d2))


def contract_hash(functionalities: Sequence[Functionality] = FUNCTIONALITIES) -> str:
    """A hash of all that is declared and, at sample parameters, of every message in either mode.

    Two parties with the same hash agree on contracts and on messages. It does not depend on the
    machine, and takes a fraction of a second, since no formula is derived for it.
    """
    return sha256("".join(map(_digest, functionalities)).encode()).hexdigest()


@cache
def _digest(declared: Functionality) -> str:
    digest = sha256()
    stated = {
        name: asdict(value) if isinstance(value, Leakage) else value
        for name, value in vars(declared).items()
        if name not in {"sends", "formula", "parameters"}
    }
    stated["parameters"] = [asdict(parameter) for parameter in declared.parameters]
    stated["papers"] = [asdict(CITATIONS[key]) for key in declared.citations]
    digest.update(json.dumps(stated, sort_keys=True).encode())
    for sample, exact in product(range(2), (True, False)):
        values = {parameter.name: parameter.samples[sample] for parameter in declared.parameters}
        transcript = _transcript(declared, values, Setting(_NOMINAL, _nominal_layout, exact))
        messages = [list(vars(message).values()) for message in transcript.messages]
        digest.update(json.dumps(messages).encode())
    return digest.hexdigest()


def _transcript(declared: Functionality, values: Mapping[str, int], setting: Setting) -> Transcript:
    sizes = [values[parameter.name] for parameter in declared.parameters]
    return predict(setting, lambda wire: declared.sends(wire, *sizes))
