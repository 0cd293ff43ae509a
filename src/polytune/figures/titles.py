"""How benchmarks are written in figures and tables."""

TITLES = {"xcopa": "XCOPA", "xstorycloze": "XStoryCloze", "xwinograd": "XWinograd", "xnli": "XNLI", "pawsx": "PAWS-X"}


def title_of(benchmark: str) -> str:
    """Return how a benchmark is written; an unknown one as it is."""
    return TITLES.get(benchmark, benchmark)
