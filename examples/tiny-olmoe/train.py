"""Train the shipped model again: `python train.py DIRECTORY` (needs torch and transformers).

One thread and fixed seeds, so the same versions give the same bytes. Half of the windows begin at a
story's first word, half anywhere, so that a prompt may start anywhere in a story.
"""

import argparse
import hashlib
import json
from pathlib import Path
from random import Random

import grammar
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import OlmoeConfig, OlmoeForCausalLM

SEED = 2025
STEPS = 6000
BATCH = 32
WINDOW = 54
HELD_OUT_STORIES = 400
SHIPPED = ("config.json", "heldout.json", "model.safetensors", "tokenizer.json")


def make_tokenizer() -> Tokenizer:
    """One token a word."""
    vocabulary = {word: index for index, word in enumerate(grammar.VOCABULARY)}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))  # noqa: S106 - a token's name
    tokenizer.pre_tokenizer = WhitespaceSplit()
    return tokenizer


def make_model() -> OlmoeForCausalLM:
    """A model of the architecture of OLMoE, untrained."""
    torch.manual_seed(SEED)
    configuration = OlmoeConfig(
        vocab_size=len(grammar.VOCABULARY),
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        num_experts=8,
        num_experts_per_tok=2,
        max_position_embeddings=128,
        norm_topk_prob=False,
        output_router_logits=True,
        router_aux_loss_coef=0.01,
        tie_word_embeddings=False,
        bos_token_id=1,
        eos_token_id=None,
        pad_token_id=None,
    )
    return OlmoeForCausalLM(configuration)


def windows(choose: Random, tokenizer: Tokenizer) -> torch.Tensor:
    """A batch of windows of text: (BATCH, WINDOW) token ids."""
    subjects = grammar.subjects(held_out=False)
    rows = []
    for row in range(BATCH):
        words: list[str] = []
        for _ in range(4):
            words += ["<s>", *grammar.story(choose.choice(subjects), choose)]
        start = choose.randrange(grammar.STORY_WORDS + 1) if row % 2 else 0
        rows.append([tokenizer.token_to_id(word) for word in words[start : start + WINDOW]])
    return torch.tensor(rows)


def held_out_stories(tokenizer: Tokenizer) -> list[list[int]]:
    """Stories of subjects that training never sees, as token ids, each begun by <s>."""
    choose = Random(SEED + 1)
    subjects = grammar.subjects(held_out=True)
    stories = []
    for _ in range(HELD_OUT_STORIES):
        words = ["<s>", *grammar.story(choose.choice(subjects), choose)]
        stories.append([tokenizer.token_to_id(word) for word in words])
    return stories


def held_out_loss(model: OlmoeForCausalLM, stories: list[list[int]]) -> float:
    """Mean nats a word."""
    ids = torch.tensor(stories)
    with torch.no_grad():
        logits = model(ids).logits[:, :-1].double()
    return float(torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten()))


def train(model: OlmoeForCausalLM, tokenizer: Tokenizer) -> None:
    """AdamW with a linear warm-up and a linear fall to zero."""
    choose = Random(SEED)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1.0, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: 5e-3 * min((step + 1) / 100, 1 - step / STEPS)
    )
    for step in range(STEPS):
        ids = windows(choose, tokenizer)
        loss = model(ids, labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        schedule.step()
        if step % 250 == 0:
            print(f"step {step}: {loss.item():.4f}", flush=True)


def main() -> None:
    """Train, and write the model with its tokenizer, held-out stories and checksums."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    directory = parser.parse_args().directory
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    tokenizer, model = make_tokenizer(), make_model()
    train(model, tokenizer)
    model.eval()
    model.config.output_router_logits = False
    stories = held_out_stories(tokenizer)
    loss = held_out_loss(model, stories)
    print(f"held-out loss {loss:.4f}, entropy {grammar.entropy_per_word():.4f} nats a word")
    model.save_pretrained(directory)
    tokenizer.save(str(directory / "tokenizer.json"))
    facts = {"loss": round(loss, 6), "entropy": grammar.entropy_per_word(), "stories": stories}
    (directory / "heldout.json").write_text(json.dumps(facts) + "\n")
    sums = [
        f"{hashlib.sha256((directory / name).read_bytes()).hexdigest()}  {name}\n"
        for name in SHIPPED
    ]
    (directory / "SHA256SUMS").write_text("".join(sums))


if __name__ == "__main__":
    main()
