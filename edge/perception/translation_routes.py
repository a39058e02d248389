"""Language codes, and the way from one language to another through the installed packs. Pure functions."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from edge.errors import LanguageError

PIVOT = "en"
AUTO = "auto"

NAMES = {
    "af": "Afrikaans", "am": "Amharic", "ar": "Arabic", "as": "Assamese", "az": "Azerbaijani", "ba": "Bashkir",
    "be": "Belarusian", "bg": "Bulgarian", "bn": "Bengali", "bo": "Tibetan", "br": "Breton", "bs": "Bosnian",
    "ca": "Catalan", "cs": "Czech", "cy": "Welsh", "da": "Danish", "de": "German", "el": "Greek", "en": "English",
    "es": "Spanish", "et": "Estonian", "eu": "Basque", "fa": "Persian", "fi": "Finnish", "fo": "Faroese",
    "fr": "French", "ga": "Irish", "gl": "Galician", "gu": "Gujarati", "ha": "Hausa", "haw": "Hawaiian",
    "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "ht": "Haitian", "hu": "Hungarian", "hy": "Armenian",
    "id": "Indonesian", "is": "Icelandic", "it": "Italian", "ja": "Japanese", "jw": "Javanese", "ka": "Georgian",
    "kk": "Kazakh", "km": "Khmer", "kn": "Kannada", "ko": "Korean", "la": "Latin", "lb": "Luxembourgish",
    "ln": "Lingala", "lo": "Lao", "lt": "Lithuanian", "lv": "Latvian", "mg": "Malagasy", "mi": "Maori",
    "mk": "Macedonian", "ml": "Malayalam", "mn": "Mongolian", "mr": "Marathi", "ms": "Malay", "mt": "Maltese",
    "my": "Myanmar", "nb": "Norwegian Bokmal", "ne": "Nepali", "nl": "Dutch", "nn": "Norwegian Nynorsk",
    "no": "Norwegian", "oc": "Occitan", "pa": "Punjabi", "pl": "Polish", "ps": "Pashto", "pt": "Portuguese",
    "ro": "Romanian", "ru": "Russian", "sa": "Sanskrit", "sd": "Sindhi", "si": "Sinhala", "sk": "Slovak",
    "sl": "Slovenian", "sn": "Shona", "so": "Somali", "sq": "Albanian", "sr": "Serbian", "su": "Sundanese",
    "sv": "Swedish", "sw": "Swahili", "ta": "Tamil", "te": "Telugu", "tg": "Tajik", "th": "Thai", "tk": "Turkmen",
    "tl": "Tagalog", "tr": "Turkish", "tt": "Tatar", "uk": "Ukrainian", "ur": "Urdu", "uz": "Uzbek",
    "vi": "Vietnamese", "yi": "Yiddish", "yo": "Yoruba", "yue": "Cantonese", "zh": "Chinese",
}  # fmt: skip
"""Code to English name: the languages of Whisper and of Firefox Translations."""


def language_code(text: str) -> str:
    """The code that `text` means: `PT`, `pt-BR` and `Portuguese` are `pt`.

    Raises:
        LanguageError: unknown; names the nearest code.
    """
    wanted = text.strip().lower().replace("_", "-")
    by_name = {name.lower(): code for code, name in NAMES.items()}
    code = wanted.partition("-")[0]
    if code in NAMES:
        return code
    if wanted in by_name:
        return by_name[wanted]
    nearest = difflib.get_close_matches(wanted, [*by_name, *NAMES], n=1, cutoff=0.5)
    hint = f"; did you mean {by_name.get(nearest[0], nearest[0])}?" if nearest else "; use a code such as en, pt or zh"
    raise LanguageError(f"unknown language {text.strip()!r}{hint}")


def language_codes(text: str) -> tuple[str, ...] | None:
    """The codes in a comma-separated list, each once, in order; None for `auto`.

    Raises:
        LanguageError: one is unknown, or there is none.
    """
    parts = [part for part in text.split(",") if part.strip()]
    if [part.strip().lower() for part in parts] == [AUTO]:
        return None
    if not parts:
        raise LanguageError("no language given; use auto, or codes such as en or en,pt")
    return tuple(dict.fromkeys(language_code(part) for part in parts))


def plan_route(source: str, target: str, packs: Collection[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The packs to go through: none for the same language, one, or two by way of English.

    Args:
        source: code.
        target: code.
        packs: directions (source, target) that are installed.

    Raises:
        LanguageError: no way; says what to pull.
    """
    if source == target:
        return ()
    if (source, target) in packs:
        return ((source, target),)
    legs = [leg for leg in ((source, PIVOT), (PIVOT, target)) if leg[0] != leg[1]]
    missing = [f"mt-{read}-{written}" for read, written in legs if (read, written) not in packs]
    if missing:
        raise LanguageError(
            f"no installed pack translates {NAMES.get(source, source)} into {NAMES.get(target, target)}; "
            f"run: edge models pull {' '.join(missing)}"
        )
    return tuple(legs)
