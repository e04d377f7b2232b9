"""A whole model between a client and a server: `python examples/whole_model.py`.

The client has a prompt, the server the shipped model: two processes, which run it to its logits.
Then the specification does the same in the clear, and predicts what the processes would send from
public sizes alone. In exact mode all logits are the same integers, and so is every message.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from command_line import call, print_traffic


def main() -> None:
    """Run, specify, compare."""
    with TemporaryDirectory() as folder:
        sent, foretold = Path(folder) / "sent", Path(folder) / "foretold"
        private = call("infer", "--truncation", "exact", "--transcript", str(sent))
        print_traffic(private)
        clear = call("reference", "--truncation", "exact", "--transcript", str(foretold))
        messages, prediction = sent.read_text().splitlines(), foretold.read_text().splitlines()
    equal = private["logits_fixed"] == clear["logits_fixed"] and private["text"] == clear["text"]
    as_predicted = messages == prediction
    print(f"\n{len(clear['logits_fixed'])} logits, and the word {clear['text']!r}")
    print("equal to the specification" if equal else "NOT EQUAL TO THE SPECIFICATION")
    print(f"{len(messages):,} messages", "as predicted" if as_predicted else "NOT AS PREDICTED")
    sys.exit(0 if equal and as_predicted else 1)


if __name__ == "__main__":
    main()
