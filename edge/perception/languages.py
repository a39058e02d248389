"""Language codes: what the user may write, and what it means here."""

from __future__ import annotations

import difflib

from edge.errors import LanguageError

# ISO 639-1 codes (and two of 639-3) with English names: the languages of Whisper and of Firefox Translations.
_NAMES = """
af Afrikaans, am Amharic, ar Arabic, as Assamese, az Azerbaijani, ba Bashkir, be Belarusian, bg Bulgarian,
bn Bengali, bo Tibetan, br Breton, bs Bosnian, ca Catalan, cs Czech, cy Welsh, da Danish, de German, el Greek,
en English, es Spanish, et Estonian, eu Basque, fa Persian, fi Finnish, fo Faroese, fr French, gl Galician,
gu Gujarati, ha Hausa, haw Hawaiian, he Hebrew, hi Hindi, hr Croatian, ht Haitian, hu Hungarian, hy Armenian,
id Indonesian, is Icelandic, it Italian, ja Japanese, jv Javanese, ka Georgian, kk Kazakh, km Khmer, kn Kannada,
ko Korean, la Latin, lb Luxembourgish, ln Lingala, lo Lao, lt Lithuanian, lv Latvian, mg Malagasy, mi Maori,
mk Macedonian, ml Malayalam, mn Mongolian, mr Marathi, ms Malay, mt Maltese, my Burmese, nb Bokmal, ne Nepali,
nl Dutch, nn Nynorsk, oc Occitan, pa Punjabi, pl Polish, ps Pashto, pt Portuguese, ro Romanian, ru Russian,
sa Sanskrit, sd Sindhi, si Sinhala, sk Slovak, sl Slovenian, sn Shona, so Somali, sq Albanian, sr Serbian,
su Sundanese, sv Swedish, sw Swahili, ta Tamil, te Telugu, tg Tajik, th Thai, tk Turkmen, tl Tagalog, tr Turkish,
tt Tatar, uk Ukrainian, ur Urdu, uz Uzbek, vi Vietnamese, yi Yiddish, yo Yoruba, yue Cantonese, zh Chinese
"""
LANGUAGES: dict[str, str] = {
    entry.split()[0]: entry.split()[1] for entry in _NAMES.replace("\n", " ").split(",") if entry.strip()
}
"""Code to English name."""

ALIASES = {"no": "nb", "jw": "jv", "iw": "he", "in": "id", "cmn": "zh", "fil": "tl", "por": "pt", "eng": "en"}
"""Codes that others use for the same language; Whisper has `no` and `jw`."""
"""Other code to ours."""
AUTO = "auto"
"""Any language."""
_CUTOFF = 0.6


def normalise_language(code: str) -> str:
    """The code this program uses: region and script are dropped (`pt-BR` is `pt`, `zh_CN` is `zh`).

    An English name works too.

    Raises:
        LanguageError: nothing here knows this language; the message has the nearest codes.
    """
    plain = code.strip().lower().replace("_", "-").split("-")[0]
    plain = ALIASES.get(plain, plain)
    if plain in LANGUAGES:
        return plain
    names = {name.lower(): known for known, name in LANGUAGES.items()}
    if plain in names:
        return names[plain]
    raise LanguageError(f"unknown language {code!r}{_suggestion(plain, names)}; use a code such as en, pt, es or zh")


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
    return tuple(dict.fromkeys(normalise_language(part) for part in parts))


def _suggestion(plain: str, names: dict[str, str]) -> str:
    near = [names[name] for name in difflib.get_close_matches(plain, names, n=2, cutoff=_CUTOFF)]
    near += difflib.get_close_matches(plain, LANGUAGES, n=2, cutoff=_CUTOFF)
    listed = [f"{found} ({LANGUAGES[found]})" for found in dict.fromkeys(near)]
    return f", did you mean {' or '.join(listed[:2])}?" if listed else ""
