r"""`cryptomoe party`: one party of a run among three or more, each on a host of its own.

Keys of common randomness cross the connections, so between hosts these are TLS, by the certificates
that `cryptomoe.net.tls` describes: party j's names `party{j}.cryptomoe`, and one authority, which
the parties agree on, has signed all. Whoever holds that authority's key can take any party's place:
it belongs to somebody whom all trust with that, and to no host of the run. With OpenSSL:

    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
        -subj "/CN=our authority" -keyout ca.key -out ca.pem

    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=party 1" \
        -addext "subjectAltName=DNS:party1.cryptomoe" -keyout party1.key -out party1.csr
    openssl x509 -req -in party1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 \
        -copy_extensions copy -out party1.pem

The first command once; the other two for each party, whose key stays on its host while the request
goes to the authority, who looks at the name that it signs. Then, on party 1's host:

    cryptomoe party --index 1 --peers one.example:7000,two.example:7000,three.example:7000 \
        --model DIR --pad-to 16 --tls-cert party1.pem --tls-key party1.key --tls-ca ca.pem

Every host has the model's config; the weights are read at party 1 alone, the prompt and the
tokenizer at party 0. Each party reports its own traffic; what the model says, party 0 alone.
"""

import re
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, cast

import click

from cryptomoe.cli.many_parties import plain_logits, take_part, terms_among_many
from cryptomoe.cli.options import Command, RunRequest, party_options, resolve
from cryptomoe.cli.progress import by_layers, progress_bar
from cryptomoe.cli.report import Outcome, Traffic, notes_of_many, write_report
from cryptomoe.engines.shamir import default_threshold
from cryptomoe.errors import CryptoMoEError, UsageError
from cryptomoe.he.backends import DEFAULT_BACKEND
from cryptomoe.models.checkpoint import load_weights
from cryptomoe.net.channel import Statistics
from cryptomoe.net.mesh import join_mesh
from cryptomoe.net.mpyc_connection import listen
from cryptomoe.net.tls import Credentials, load_credentials
from cryptomoe.party import Party, party_name
from cryptomoe.protocols.transformer import Generation

Address = tuple[str, int]

_MOST = 15
_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[^\[\]:\s]+)):(?P<port>[0-9]{1,5})")
_TLS_FILES = ("tls_cert", "tls_key", "tls_ca")
_HELP = """One party of a run among three or more, each on a host of its own.

Party 0 is the client and gives the prompt, party 1 reads the weights, the others only compute. All
must be told the same model, public options, --pad-to and --threshold; what they were told is
compared before anything secret moves. --prompt - and --token-ids - read standard input.

Between hosts the connections are TLS: each party has a certificate with the DNS name
partyI.cryptomoe, signed by an authority that all agree on. To make them with OpenSSL:

\b
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \\
    -days 30 -subj "/CN=our authority" -keyout ca.key -out ca.pem
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \\
    -subj "/CN=party 1" -addext "subjectAltName=DNS:party1.cryptomoe" \\
    -keyout party1.key -out party1.csr
  openssl x509 -req -in party1.csr -CA ca.pem -CAkey ca.key \\
    -CAcreateserial -days 30 -copy_extensions copy -out party1.pem

The first once, the others for every party. Whoever holds ca.key can take any party's place.
"""


def _file(name: str, text: str) -> Callable[[Command], Command]:
    return click.option(name, type=click.Path(path_type=Path, dir_okay=False), help=text)


@click.command(help=_HELP)
@click.option("--index", type=click.IntRange(0), required=True, help="Which party this is.")
@click.option("--peers", required=True, help="host:port of every party in order, this one's too.")
@click.option("--listen", "own", help="host:port to listen on, where it is not that of --peers.")
@_file("--tls-cert", "This party's certificate, PEM.")
@_file("--tls-key", "Its key, PEM, not encrypted.")
@_file("--tls-ca", "The certificate of the authority of all parties, PEM.")
@click.option("--threshold", type=int, help="How many of the parties may be corrupted.  [most]")
@click.option("--wait", type=click.IntRange(1), default=120, show_default=True,
              help="Seconds to wait for the other parties.")  # fmt: skip
@party_options
def party(**values: Any) -> None:
    """One party of a run among several hosts; the help text is for users."""
    index = values["index"]
    addresses = [_address(text) for text in values["peers"].split(",")]
    default_threshold(len(addresses))
    _check_place(index, len(addresses), values)
    own = addresses[index] if values["own"] is None else _address(values["own"])
    credentials = _credentials(values, [*addresses, own])
    request = resolve(values | _of_two_parties() | {"parties": len(addresses)})
    started = time.perf_counter()
    try:
        generation, statistics = _take_part(request, index, addresses, own, credentials, values)
    except (CryptoMoEError, click.ClickException):
        raise
    except Exception as error:  # noqa: BLE001 - the text of any other error might quote a secret
        raise CryptoMoEError(f"internal error ({type(error).__name__})") from None
    outcome = Outcome(
        command="party",
        token_ids=None if generation is None else list(generation.token_ids),
        logits_fixed=plain_logits(generation),
        seconds=time.perf_counter() - started,
        traffic=Traffic.of({index: asdict(statistics)}),
        notes={"party": party_name(index), **notes_of_many(request)},
    )
    write_report(request, outcome)


def _take_part(
    request: RunRequest,
    index: int,
    addresses: list[Address],
    own: Address,
    credentials: Credentials | None,
    values: dict[str, Any],
) -> tuple[Generation | None, Statistics]:
    shape, options = request.config.shape, request.options
    weights = load_weights(request.directory, shape) if index == Party.SERVER else None
    agreed = terms_among_many(
        shape, options, request.truncation, request.parties, request.threshold
    )
    with ExitStack() as stack:
        progress = stack.enter_context(progress_bar())
        task = progress.add_task("connecting", total=None)

        def tell_layer(number: int, total: int) -> None:
            progress.update(task, description=f"layer {number}", completed=number - 1, total=total)

        with ExitStack() as until_connected:
            listener = None
            if index:
                listener = until_connected.enter_context(listen(*own, credentials))
            carriers = join_mesh(index, addresses, listener, agreed, values["wait"], credentials)
        return take_part(
            index, carriers, shape, options,
            cast("Literal['exact', 'approximate']", request.truncation), request.threshold,
            weights=weights, token_ids=request.token_ids if index == Party.CLIENT else None,
            on_scope=by_layers(shape, options, tell_layer),
        )  # fmt: skip


def _check_place(index: int, parties: int, values: dict[str, Any]) -> None:
    if parties > _MOST:
        raise UsageError(f"--peers has {parties} parties, more than the {_MOST} that are possible")
    if index >= parties:
        raise UsageError(f"--index {index} is none of the {parties} parties of --peers")
    if values["pad_to"] is None:
        raise UsageError("give --pad-to: not every party knows the prompt, all must pad it alike")
    if index != Party.CLIENT and (values["prompt"], values["token_ids"]) != (None, None):
        raise UsageError(f"only party {int(Party.CLIENT)} gives --prompt or --token-ids")


def _of_two_parties() -> dict[str, Any]:
    """Values of the options that this command does not have."""
    return {"he": DEFAULT_BACKEND, "ot": "silent", "transcript": None}


def _credentials(values: dict[str, Any], addresses: list[Address]) -> Credentials | None:
    """None, for connections without TLS, is for parties that are all on this machine."""
    files = [values[name] for name in _TLS_FILES]
    if all(files):
        return load_credentials(*files)
    if any(files):
        raise UsageError("--tls-cert, --tls-key and --tls-ca belong together: give all three")
    for host, _ in addresses:
        if not _is_loopback(host):
            raise UsageError(
                f"{host} is not this machine, and keys cross the connections: give --tls-cert, "
                "--tls-key and --tls-ca"
            )
    return None


def _is_loopback(host: str) -> bool:
    """Whether nothing sent there leaves this machine; of names only `localhost` is believed."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _address(text: str) -> Address:
    match = _ADDRESS.fullmatch(text.strip())
    if match is None or not 0 < int(match["port"]) < 1 << 16:
        raise UsageError(f"'{text}' is no host:port; IPv6 addresses are written [::1]:7000")
    return match["v6"] or match["host"], int(match["port"])
