"""How a Voxtral TTS checkpoint becomes a bundle: precisions, tables, numbers for the manifest."""

from __future__ import annotations

from dataclasses import asdict

from edge_voice.errors import UnsupportedModel
from edge_voice.models.voxtral_tts import graphs
from edge_voice.models.voxtral_tts.config import VoxtralConfig, language_of

from ...checkpoint import Checkpoint
from ...package import Bundle
from ...quantize import (
    FLOAT32,
    INT4_BLOCK32,
    INT4_BLOCK128,
    INT4_BLOCK256,
    INT8,
    INT8_BLOCK32,
    INT8_BLOCK128,
    Recipe,
)
from . import check as numeric_check
from .acoustic import build_head, build_time, build_velocity
from .backbone import build_backbone, positions_of
from .codec import build_codec
from .names import AUDIO_EMBEDDINGS, TEXT_EMBEDDINGS, Weights
from .sizes import Params, Sizes, read_sizes
from .tables import add_table, add_voices
from .tekken import Tekken, read_tekken

# Matching goes from top to bottom. What no rule names stays float32 (tables of embeddings: as they
# were published): the two thin projections from and to the codebooks, and the convolutions of the
# codec, a tenth of it and most of what rounding it does to the samples. Where the semantic head is
# rounded, its graph computes the logits that decide once more in float32.
_FLOAT = (
    ("acoustic_transformer.input_projection", FLOAT32),
    ("acoustic_transformer.acoustic_codebook_output", FLOAT32),
)
# One row at a time, and little of the whole.
_ONCE_A_FRAME = (
    ("semantic_head", INT8_BLOCK128),
    ("acoustic_transformer.*_projection", INT8_BLOCK32),
)
_LESS_MEMORY = (
    # In blocks, so that inputs are rounded step by step, too: samples do not depend on where a
    # stream was cut into chunks.
    ("codec.*.attention.*", INT8_BLOCK32),
    ("codec.*.feed_forward.*", INT8_BLOCK32),
    ("text_embeddings", INT8_BLOCK32),
)
PRESETS = {
    recipe.name: recipe
    for recipe in (
        Recipe("fp32", ()),
        Recipe(
            "int8",
            (
                *_FLOAT,
                *_ONCE_A_FRAME,
                ("acoustic_transformer.*", INT8),
                ("backbone.*", INT8_BLOCK32),
                *_LESS_MEMORY,
            ),
        ),
        Recipe(
            "int4",
            (
                *_FLOAT,
                *_ONCE_A_FRAME,
                # 27 % of the acoustic transformer, and most of what rounding it does to the codes.
                ("acoustic_transformer.*.attention.*", INT8),
                ("acoustic_transformer.*", INT4_BLOCK256),
                ("backbone.*.w2", INT4_BLOCK128),
                ("backbone.*", INT4_BLOCK256),
                *_LESS_MEMORY,
            ),
        ),
        Recipe(
            "balanced",
            (
                *_FLOAT,
                *_ONCE_A_FRAME,
                ("acoustic_transformer.*", INT8),
                ("backbone.*.w2", INT8_BLOCK32),
                ("backbone.*", INT4_BLOCK32),
            ),
        ),
    )
}


def recognises(checkpoint: Checkpoint) -> bool:
    """Whether this is a Voxtral TTS checkpoint."""
    return checkpoint.layout == "mistral" and checkpoint.config.get("model_type") == "voxtral_tts"


def build(checkpoint: Checkpoint, bundle: Bundle) -> None:
    """Emits all graphs, the tables and the manifest's numbers into the bundle."""
    weights, sizes = Weights(checkpoint), read_sizes(checkpoint.config)
    tekken = read_tekken(checkpoint.folder, checkpoint.shape(TEXT_EMBEDDINGS)[0])
    bundle.add_asset("vocabulary", "vocabulary.tiktoken", tekken.vocabulary)
    multimodal = Params(checkpoint.config, "params.json").section("multimodal")
    names = multimodal.section("audio_tokenizer_args").table("voice")
    voices = add_voices(bundle, checkpoint.folder, names, sizes.width)
    config = _config(sizes, tekken, voices, multimodal)
    _check_tables(checkpoint, config, sizes)
    bundle.announce("tables: copying embeddings")
    add_table(bundle, checkpoint, "text_embeddings", TEXT_EMBEDDINGS)
    add_table(bundle, checkpoint, "audio_embeddings", AUDIO_EMBEDDINGS)
    with bundle.graph("codec", graphs.CODEC) as builder:
        build_codec(builder, weights, sizes)
    with bundle.graph("time", graphs.TIME) as builder:
        build_time(builder, weights, sizes)
    with bundle.graph("head", graphs.HEAD) as builder:
        build_head(builder, weights, sizes)
    with bundle.graph("velocity", graphs.VELOCITY) as builder:
        build_velocity(builder, weights, sizes)
    with bundle.graph("backbone", graphs.BACKBONE) as builder:
        build_backbone(builder, weights, sizes)
    languages = tuple(dict.fromkeys(language_of(name) for name in voices))
    bundle.set_facts(task="speak", languages=languages, config=asdict(config))


def check(_: Checkpoint, bundle: Bundle) -> dict[str, float]:
    """Numeric checks of the finished graphs."""
    config = VoxtralConfig(**bundle.facts["config"])
    return numeric_check.check(bundle.folder, bundle.graphs, config)


def _config(
    sizes: Sizes, tekken: Tekken, voices: dict[str, int], multimodal: Params
) -> VoxtralConfig:
    audio = multimodal.section("audio_model_args")
    audio.require(audio_token_id=tekken.audio, begin_audio_token_id=tekken.begin_audio)
    return VoxtralConfig(
        pattern=tekken.pattern,
        special_tokens=tekken.special_tokens,
        begin_of_text=multimodal.count("bos_token_id"),
        begin_audio=tekken.begin_audio,
        audio=tekken.audio,
        text_begins=tekken.text_begins,
        text_ends=tekken.text_ends,
        voices=voices,
        semantic_codes=sizes.codec.semantic_codes,
        acoustic_codebooks=sizes.codec.acoustic_codebooks,
        acoustic_levels=sizes.codec.acoustic_levels,
        steps=sizes.steps,
        guidance=sizes.guidance,
        sample_rate=sizes.sample_rate,
        samples_per_frame=sizes.samples_per_frame,
        max_positions=positions_of(sizes),
    )


def _check_tables(checkpoint: Checkpoint, config: VoxtralConfig, sizes: Sizes) -> None:
    """Both embeddings and the semantic head must have room for every code and token."""
    needed = {
        TEXT_EMBEDDINGS: config.special_tokens,
        AUDIO_EMBEDDINGS: sum(config.code_limits),
        "acoustic_transformer.semantic_codebook_output.weight": config.code_limits[0],
    }
    for name, rows in needed.items():
        found = checkpoint.shape(name)
        if len(found) != 2 or found[0] < rows or found[1] != sizes.width:
            raise UnsupportedModel(
                f"tensor {name!r} has shape {list(found)}"
                f" (expected at least {rows} rows of {sizes.width})"
            )
