"""Generation: what models answer to prompt sets."""
