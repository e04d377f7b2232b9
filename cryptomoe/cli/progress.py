"""Progress by layers, which are public, on standard error."""

from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cryptomoe.protocols.shape import TransformerOptions, TransformerShape


def progress_bar() -> Progress:
    """A bar for the layers of all steps."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )


def by_layers(
    shape: TransformerShape, options: TransformerOptions, tell: Callable[[int, int], None]
) -> Callable[[str], None]:
    """An engine's `on_scope` that tells the number of each layer entered, and of all layers."""
    total = shape.layers * options.max_new_tokens
    entered = 0

    def on_scope(name: str) -> None:
        nonlocal entered
        if name.startswith("layer") and name[5:].isdigit():
            entered += 1
            tell(entered, total)

    return on_scope
