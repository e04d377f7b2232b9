"""Write what is rendered from data: failures.md, costs.md, and the index of claims in README.md."""

from pathlib import Path

import costs
import failure_table
import index

HERE = Path(__file__).parent


def main() -> None:
    """Write every page."""
    (HERE / "costs.md").write_text(costs.render())
    (HERE / "failures.md").write_text(failure_table.render())
    readme = HERE / "README.md"
    readme.write_text(index.updated(readme.read_text()))


if __name__ == "__main__":
    main()
