"""A small language of stories whose exact entropy is known, so that a model of it can be judged.

A story has 24 words. Some are drawn, the others follow from those drawn or never change:

    one day the ADJECTIVE ANIMAL VERB a COLOUR THING in the PLACE .
    the ADJECTIVE ANIMAL took the COLOUR THING to the FRIEND .

Adjective, animal, colour, thing and verb are drawn uniformly; a thing lies in one of two places and
an animal has one of two friends, which a model must know by heart; the second sentence repeats the
first. Texts are stories after one another, each begun by the word <s>.
"""

import hashlib
import itertools
import math
from random import Random

ADJECTIVES = ("small", "old", "happy", "clever")
ANIMALS = ("cat", "dog", "fox", "hen", "owl", "bear")
COLOURS = ("red", "blue", "green", "white")
THINGS = ("ball", "book", "cup", "key", "kite", "ring")
VERBS = ("saw", "found")
PLACES = ("garden", "house", "forest", "river")
FIXED = ("<unk>", "<s>", "one", "day", "the", "a", "in", ".", "took", "to")
VOCABULARY = (*FIXED, *ADJECTIVES, *ANIMALS, *COLOURS, *THINGS, *VERBS, *PLACES)
STORY_WORDS = 25
"""Words of a story and the <s> that begins it."""

_HELD_OUT_SHARE = 12

Subject = tuple[str, str, str, str]


def places(thing: str) -> tuple[str, str]:
    """The two places where a thing may lie."""
    index = THINGS.index(thing)
    return PLACES[index % 4], PLACES[(index + 1 + index // 4) % 4]


def friends(animal: str) -> tuple[str, str]:
    """The two friends of an animal."""
    index = ANIMALS.index(animal)
    return ANIMALS[(index + 1) % 6], ANIMALS[(index + 3) % 6]


def is_held_out(subject: Subject) -> bool:
    """Whether (adjective, animal, colour, thing) never occurs in training: about one in twelve."""
    digest = hashlib.blake2b(" ".join(subject).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little") % _HELD_OUT_SHARE == 0


def subjects(*, held_out: bool) -> list[Subject]:
    """All subjects of training, or all held-out ones."""
    every = itertools.product(ADJECTIVES, ANIMALS, COLOURS, THINGS)
    return [subject for subject in every if is_held_out(subject) == held_out]


def story(subject: Subject, choose: Random) -> list[str]:
    """One story about a subject; `choose` draws verb, place and friend."""
    adjective, animal, colour, thing = subject
    verb, place, friend = (
        choose.choice(options) for options in (VERBS, places(thing), friends(animal))
    )
    text = (
        f"one day the {adjective} {animal} {verb} a {colour} {thing} in the {place} . "
        f"the {adjective} {animal} took the {colour} {thing} to the {friend} ."
    )
    return text.split()


def entropy_per_word() -> float:
    """Nats a word of a story whose subject is drawn uniformly from all, given the words before.

    The <s> that begins it is given, and not counted among the words.
    """
    drawn = (len(ADJECTIVES), len(ANIMALS), len(COLOURS), len(THINGS), len(VERBS), 2, 2)
    return math.log(math.prod(drawn)) / (STORY_WORDS - 1)
