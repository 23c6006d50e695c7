"""Heads of cross-attention that follow the speech: word times come from them.

A published `generation_config.json` lists them. OpenAI's own files do not; theirs are known by
the size of the model (facts from openai-whisper 20250625, `whisper/__init__.py`). Of two models of
one size, large-v1 and large-v2, neither is listed: one would get the heads of the other. Without a
list the runtime chooses heads by what they do.
"""

from __future__ import annotations

from typing import Any

from .graph import Dimensions

Heads = tuple[tuple[int, int], ...]

# (decoder layers, heads, width, vocabulary: English-only ones have an id less) → layer: heads
_KNOWN: dict[tuple[int, int, int, int], dict[int, tuple[int, ...]]] = {
    (4, 6, 384, 51864): {1: (0,), 2: (0, 5), 3: (0, 1, 2, 3, 4)},
    (4, 6, 384, 51865): {2: (2,), 3: (0, 2, 3, 4, 5)},
    (6, 8, 512, 51864): {3: (3,), 4: (7,), 5: (1, 5, 7)},
    (6, 8, 512, 51865): {3: (1,), 4: (2, 3, 7), 5: (1, 2, 4, 6)},
    (12, 12, 768, 51864): {
        6: (6,), 7: (0, 3, 8), 8: (2, 5, 7), 9: (0, 4, 8, 10), 10: (0, 1, 2, 3, 6, 11),
        11: (2, 4),
    },
    (12, 12, 768, 51865): {5: (3, 9), 8: (0, 4, 7, 8), 9: (0, 7, 9), 10: (5,)},
    (24, 16, 1024, 51864): {
        11: (4,), 14: (1, 12, 14), 15: (4,), 16: (0, 4, 9), 17: (12, 14), 18: (7, 10, 15),
        20: (0, 3, 9, 14), 21: (12,),
    },
    (24, 16, 1024, 51865): {13: (15,), 15: (4, 15), 16: (1,), 20: (0,), 23: (4,)},
    (32, 20, 1280, 51866): {
        7: (0,), 10: (17,), 12: (18,), 13: (12,), 16: (1,), 17: (14,), 19: (11,), 21: (4,),
        24: (1,), 25: (6,),
    },
    (4, 20, 1280, 51866): {2: (4, 11), 3: (3, 6, 11, 14)},
}  # fmt: skip


def alignment_heads(sizes: Dimensions, generation: dict[str, Any]) -> Heads:
    """(layer, head) pairs of a checkpoint; none if nobody has published them.

    Args:
        sizes: Sizes of the checkpoint.
        generation: Contents of generation_config.json, or nothing. A list that names a head
            that the model does not have, as models with fewer layers than their teacher carry
            it, says nothing.
    """
    listed = generation.get("alignment_heads")
    if isinstance(listed, list) and listed and all(_is_head(pair, sizes) for pair in listed):
        return tuple((layer, head) for layer, head in listed)
    size = sizes.decoder_layers, sizes.decoder_heads, sizes.width, sizes.vocabulary
    return tuple((layer, head) for layer, heads in _KNOWN.get(size, {}).items() for head in heads)


def _is_head(pair: Any, sizes: Dimensions) -> bool:
    return (
        isinstance(pair, list)
        and [type(number) for number in pair] == [int, int]
        and 0 <= pair[0] < sizes.decoder_layers
        and 0 <= pair[1] < sizes.decoder_heads
    )
