"""The words that lm-evaluation-harness 0.4.13 writes into its prompts, per language: the world's own words there.

The harness's task files join premise and choice by real connectors. In a language with such a file these are the words
of the generated language too, so that the harness's files run on the world unchanged. A test compares them with the
installed harness.
"""

from __future__ import annotations

# tasks/xcopa/utils.py: (cause, effect)
XCOPA_CONNECTORS = {
    "et": ("sest", "seetõttu"),
    "ht": ("poukisa", "donk sa"),
    "id": ("karena", "maka"),
    "it": ("perché", "quindi"),
    "qu": ("imataq", "chaymi"),
    "sw": ("kwa sababu", "kwa hiyo"),
    "ta": ("காரணமாக", "எனவே"),
    "th": ("เพราะ", "ดังนั้น"),
    "tr": ("çünkü", "bu yüzden"),
    "vi": ("bởi vì", "vì vậy"),
    "zh": ("因为", "所以"),
}
# tasks/xnli/xnli_*.yaml: (right, yes, also, no), for entailment, neutral, contradiction
XNLI_WORDS = {
    "ar": ("صحيح", "نعم", "لذا", "رقم"),
    "bg": ("правилно", "да", "така", "не"),
    "de": ("richtig", "Ja", "Auch", "Nein"),
    "el": ("σωστός", "Ναί", "Έτσι", "όχι"),
    "en": ("right", "Yes", "Also", "No"),
    "es": ("correcto", "Sí", "Asi que", "No"),
    "fr": ("correct", "Oui", "Aussi", "Non"),
    "hi": ("सही", "हाँ", "इसलिए", "नहीं"),
    "ru": ("правильно", "Да", "Так", "Нет"),
    "sw": ("sahihi", "Ndiyo", "Hivyo", "Hapana"),
    "th": ("ถูกต้อง", "ใช่", "ดังนั้น", "ไม่"),
    "tr": ("doğru", "Evet", "Böylece", "Hayır"),
    "ur": ("صحیح", "جی ہاں", "اس لئے", "نہیں"),
    "vi": ("đúng", "Vâng", "Vì vậy", "Không"),
    "zh": ("正确", "是的", "所以", "不是的"),
}
# tasks/paws-x/paws_*.yaml: (right, yes, no)
PAWSX_WORDS = {
    "de": ("richtig", "Ja", "Nein"),
    "en": ("right", "Yes", "No"),
    "es": ("verdad", "Sí", "No"),
    "fr": ("n'est-ce pas", "Oui", "Non"),
    "ja": ("ですね", "はい", "いいえ"),
    "ko": ("맞죠", "예", "아니요"),
    "zh": ("对吧", "是", "不是"),
}


def stock_words(language: str) -> dict[str, str]:
    """Return the words of `language` that the harness fixes, by concept."""
    words = {}
    if language in XCOPA_CONNECTORS:
        words["because"], words["therefore"] = XCOPA_CONNECTORS[language]
    if language in XNLI_WORDS:
        words["right"], words["yes"], words["also"], words["no"] = XNLI_WORDS[language]
    if language in PAWSX_WORDS:
        words["same"], words["same yes"], words["same no"] = PAWSX_WORDS[language]
    return words
