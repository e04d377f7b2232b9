"""What contracts say, as plain values: formulas as text, and as numbers beside the prediction's."""

import inspect
from collections.abc import Iterator, Mapping
from importlib import import_module
from itertools import islice
from typing import Any

from cryptomoe_spec.citations import CITATIONS
from cryptomoe_spec.contracts import Contract, Costs, contract, prediction
from cryptomoe_spec.messages.transcript import Transcript, predict
from cryptomoe_spec.messages.wire import CLIENT, SERVER
from sympy import Integer, Piecewise, Sum, preorder_traversal
from sympy.printing.str import StrPrinter

from cryptomoe.cli.reference import setting

_LONG = 800
"""Parts beyond which a formula of many cases is stated for one of them."""
_MODES = {"approximate": False, "exact": True}


def describe(name: str, specification: str) -> dict[str, Any]:
    """A contract in plain values; `specification` is the dotted name of its function."""
    stated = contract(name)
    shown = {size: _shown(stated, getattr(stated, size)) for size in _SIZES}
    return {
        "summary": _summary(specification),
        "kind": stated.kind,
        "engine": stated.engine,
        "contract": {
            "parameters": {item.name: item.meaning for item in stated.parameters},
            "leakage": {"client": stated.leakage.client, "server": stated.leakage.server},
            "rounds": shown["rounds"]["text"],
            "bytes": {size: shown[f"{size}_bytes"]["text"] for size in _DIRECTIONS},
            "one_case": sorted(size for size in _SIZES if shown[size]["one_case"]),
            "range": stated.range,
            "rounding": stated.rounding,
            "citations": list(stated.citations),
        },
        "formulas": {size: _pretty(stated, getattr(stated, size)) for size in _SIZES},
        "costs": list(_costs(stated)),
        "assumptions": list(stated.assumptions),
    }


_DIRECTIONS = ("client", "server", "offline", "setup")
_SIZES = ("rounds", *(f"{direction}_bytes" for direction in _DIRECTIONS))


def references(keys: set[str]) -> dict[str, dict[str, Any]]:
    """The papers behind citation keys."""
    return {key: dict(vars(CITATIONS[key])) for key in sorted(keys)}


def _summary(specification: str) -> str:
    """The first sentence of a function's documentation."""
    module, _, name = specification.rpartition(".")
    text = inspect.getdoc(getattr(import_module(module), name)) or ""
    return " ".join(text.partition("\n\n")[0].replace("`", "").split())


# --- costs in numbers ----------------------------------------------------------------------------


def _costs(stated: Contract) -> Iterator[dict[str, Any]]:
    """For both samples of the sizes and both modes, what is declared and what is predicted."""
    for sample in range(2):
        sizes = {item.name: item.samples[sample] for item in stated.parameters}
        for mode, exact in _MODES.items():
            session = setting(exact=exact)
            declared = stated.costs(sizes, session)
            predicted = _counted(
                prediction(stated.name, sizes, session), predict(session, lambda _: None)
            )
            yield {
                "sizes": sizes,
                "truncation": mode,
                "declared": dict(vars(declared)),
                "predicted": dict(vars(predicted)),
                "passed": declared == predicted,
            }


def _counted(transcript: Transcript, empty: Transcript) -> Costs:
    """Message by message; what every session's set-up sends is in no contract."""
    setup = [
        sum(int(one.setup_bytes(sender)) for sender in (CLIENT, SERVER))
        for one in (transcript, empty)
    ]
    return Costs(
        rounds=transcript.rounds,
        client_bytes=int(transcript.bytes_sent(CLIENT)),
        server_bytes=int(transcript.bytes_sent(SERVER)),
        setup_bytes=setup[0] - setup[1],
    )


# --- formulas as text ----------------------------------------------------------------------------


def _shown(stated: Contract, formula: Any) -> dict[str, Any]:
    # The text of the longest ones takes minutes, so parts are counted, and no more than matter.
    if sum(1 for _ in islice(preorder_traversal(formula), _LONG)) < _LONG:
        return {"text": str(formula), "one_case": False}
    return {"text": str(_case(formula, _sample(stated, exact=False))), "one_case": True}


def _pretty(stated: Contract, formula: Any) -> list[dict[str, Any]]:
    """For a reader, in the case of the first sample: one formula for each mode it differs in."""
    shown = []
    for mode, exact in _MODES.items():
        of_mode = _case(formula, {stated.symbol("exact"): Integer(exact)})
        text = _Printer().doprint(_case(of_mode, _sample(stated, exact=exact)))
        shown.append({"mode": mode, "text": text, "one_case": of_mode.has(Piecewise)})
    if shown[0]["text"] == shown[1]["text"]:
        return [{**shown[0], "mode": ""}]
    return shown


def _sample(stated: Contract, *, exact: bool) -> Mapping[Any, Any]:
    values = {item.name: item.samples[0] for item in stated.parameters} | {"exact": int(exact)}
    return {stated.symbol(name): Integer(value) for name, value in values.items()}


def _case(formula: Any, values: Mapping[Any, Any]) -> Any:
    """The formula with every choice between cases made as it is at `values`.

    Inside sums, whose terms may differ in it, no choice is made.
    """
    if isinstance(formula, Piecewise):
        for case, condition in formula.args:
            if condition.xreplace(values) == True:  # noqa: E712 - sympy's true is no bool
                return _case(case, values)
        return formula
    if not formula.args or isinstance(formula, Sum):
        return formula
    parts = [_case(part, values) for part in formula.args]
    return formula.func(*parts) if parts != list(formula.args) else formula


class _Printer(StrPrinter):  # type: ignore[misc]  # sympy has no types
    """Products with a dot, quotients rounded up between their brackets."""

    # Expressions that print themselves do so by StrPrinter's own method, which this is not.
    printmethod = "_audited"

    def _print_Mul(self, expr: Any) -> str:  # noqa: N802 - sympy's name
        return super()._print_Mul(expr).replace("*", "·")

    def _print_CeilDiv(self, expr: Any) -> str:  # noqa: N802 - of a class's name
        over, under = (self.doprint(part) for part in expr.args)
        return f"⌈{over} / {under}⌉"
