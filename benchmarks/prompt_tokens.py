"""How many characters of the shipped prompts are one token of the embedded model: `python -m benchmarks.prompt_tokens`.

`tasks.llm.prompt.CHARS_PER_TOKEN` is a little below the number that it prints. Needs `foleygenex fetch-llm`.
"""

from __future__ import annotations

import httpx

from data_contracts.adverbs import LEVELS
from model.weights.catalogue import EMBEDDED_LLM
from model.weights.locate import require
from tasks.llm.config import LLMConfig
from tasks.llm.embedded import embedded_server
from tasks.llm.prompt import Message
from tasks.paraphrase.stage import ParaphraseStage
from tasks.recaption.request import EXAMPLE_SETS, EXAMPLES
from tasks.recaption.stage import RecaptionStage


def prompts() -> list[tuple[Message, ...]]:
    """Returns the first messages of every kind of prompt, with each draw of examples."""
    config = LLMConfig(backend="rules")
    templates = RecaptionStage(config).templates
    drawn = [templates.drawn(level, draw, EXAMPLES) for level in LEVELS for draw in range(EXAMPLE_SETS)]
    return [*drawn, ParaphraseStage(config).templates["paraphrase"]]


def main() -> None:
    """Counts with the embedded model's tokenizer and prints."""
    texts = [message["content"] for prompt in prompts() for message in prompt]
    with embedded_server(require(EMBEDDED_LLM)[0]) as url:
        counts = {
            text: len(httpx.post(f"{url.removesuffix('/v1')}/tokenize", json={"content": text}).json()["tokens"])
            for text in dict.fromkeys(texts)
        }
    characters, tokens = sum(map(len, texts)), sum(counts[text] for text in texts)
    print(
        f"{len(prompts())} prompts: {characters:,} characters, {tokens:,} tokens, {characters / tokens:.2f} per token"
    )


if __name__ == "__main__":
    main()
