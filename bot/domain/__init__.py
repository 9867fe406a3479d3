"""Rules and nouns of releasing: pure, standard library only; `now` is always an argument."""
