"""Which language an answer is in, and whether it is the language that was asked for."""
