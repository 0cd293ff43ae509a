"""`python -m polytune.evaluation run --model polytune ...`: lm-eval's command line, which knows our model class.

The harness finds no classes outside its own package by itself; everything after the module's name is its own to read.
"""

from __future__ import annotations

from polytune.evaluation.harness import register_model_class


def main() -> None:
    """Run lm-eval's command line with the arguments of the process."""
    from lm_eval.__main__ import cli_evaluate

    register_model_class()
    cli_evaluate()


if __name__ == "__main__":
    main()
