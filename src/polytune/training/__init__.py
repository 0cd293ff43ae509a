"""Training: packed, exact and resumable full and LoRA tuning."""
