"""Commands that people type and no rule calls: what happened, what would happen, what to make of it."""
