"""The command line: `cryptomoe infer` and its relatives.

Exit status 0: done. 1: the run failed, at the peer or on the way. 2: wrong use or bad input, told
in one sentence on standard error. Standard output has the result and nothing else.
"""

import sys
from importlib import import_module

import click

from cryptomoe import __version__
from cryptomoe.errors import CryptoMoEError, UsageError

_BUILT = ("audit", "infer", "party", "reference")
_NOT_BUILT = ("bench", "calibrate", "evaluate", "plan", "query", "serve")


class _Commands(click.Group):
    """Commands whose modules are imported when they are asked for.

    The processes of a run import this package, and have no use for what an audit needs.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in order."""
        return sorted([*_BUILT, *super().list_commands(ctx)])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name; None where there is none."""
        if cmd_name not in _BUILT:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module(f"cryptomoe.cli.{cmd_name}"), cmd_name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="cryptomoe")
def commands() -> None:
    """Private inference of Mixture-of-Experts language models."""


def _not_built(name: str) -> click.Command:
    @click.command(
        name,
        help="Not built yet.",
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
        add_help_option=False,
    )
    def command() -> None:
        raise UsageError(f"'cryptomoe {name}' is not built yet")

    return command


for _name in _NOT_BUILT:
    commands.add_command(_not_built(_name))


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit status."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line; its exit status."""
    try:
        status = commands.main(arguments, prog_name="cryptomoe", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.ClickException as error:
        click.echo(f"cryptomoe: {error.format_message()}", err=True)
        return 2
    except UsageError as error:
        click.echo(f"cryptomoe: {error}", err=True)
        return 2
    except CryptoMoEError as error:
        click.echo(f"cryptomoe: {error}", err=True)
        return 1
    except (click.Abort, KeyboardInterrupt):
        click.echo("cryptomoe: interrupted", err=True)
        return 1
    return status if isinstance(status, int) else 0
