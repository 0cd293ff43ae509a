"""Models: the one home of model directories, architectures and tokenizers."""
