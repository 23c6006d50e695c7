"""From words to phonemes, for voices that are trained on them."""
