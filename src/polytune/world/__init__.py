"""The embedded world: a generated multilingual world for runs without downloads."""
