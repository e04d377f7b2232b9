"""The same model among three parties: `python examples/whole_model_three_parties.py`.

A client with the prompt, a server with the weights, and a third that only computes: three
processes, no homomorphic encryption, and as long as no two of them collude nobody learns more than
between two. Values are Shamir shares here, but the protocols are the same files, and in exact mode
the logits are the same integers.
"""

import sys

from command_line import call, print_traffic


def main() -> None:
    """Run, specify, compare."""
    private = call("infer", "--parties", "3", "--truncation", "exact")
    print_traffic(private)
    clear = call("reference", "--truncation", "exact")
    equal = private["logits_fixed"] == clear["logits_fixed"] and private["text"] == clear["text"]
    print(f"\n{len(clear['logits_fixed'])} logits, and the word {clear['text']!r}")
    print("equal to the specification" if equal else "NOT EQUAL TO THE SPECIFICATION")
    sys.exit(0 if equal else 1)


if __name__ == "__main__":
    main()
