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

# Older codes; ISO 639-3 codes, some of 639-2/B, and of macro-languages what models mean by them (OPUS-MT).
_LONG = """
no nb, jw jv, iw he, in id, cmn zh, fil tl,
afr af, amh am, ara ar, arb ar, asm as, aze az, azj az, bak ba, bel be, bul bg, ben bn, bod bo, bre br, bos bs, cat ca,
ces cs, cze cs, cym cy, dan da, deu de, ger de, ell el, gre el, eng en, spa es, est et, ekk et, eus eu, baq eu, fas fa,
per fa, pes fa, fin fi, fao fo, fra fr, fre fr, glg gl, guj gu, hau ha, heb he, hin hi, hrv hr, hat ht, hun hu, hye hy,
arm hy, ind id, isl is, ice is, ita it, jpn ja, jav jv, kat ka, geo ka, kaz kk, khm km, kan kn, kor ko, lat la, ltz lb,
lin ln, lao lo, lit lt, lav lv, lvs lv, mlg mg, plt mg, mri mi, mkd mk, mac mk, mal ml, mon mn, khk mn, mar mr, msa ms,
zsm ms, may ms, mlt mt, mya my, bur my, nor nb, nob nb, nep ne, npi ne, nld nl, dut nl, nno nn, oci oc, pan pa, pol pl,
pus ps, por pt, pob pt, ron ro, rum ro, rus ru, san sa, snd sd, sin si, slk sk, slo sk, slv sl, sna sn, som so, sqi sq,
alb sq, srp sr, sun su, swe sv, swa sw, swh sw, tam ta, tel te, tgk tg, tha th, tuk tk, tgl tl, tur tr, tat tt, ukr uk,
urd ur, uzb uz, uzn uz, vie vi, yid yi, yor yo, zho zh, chi zh
"""
ALIASES: dict[str, str] = {entry.split()[0]: entry.split()[1] for entry in _LONG.replace("\n", " ").split(",")}
"""Codes that others use for the same language (Whisper has `no` and `jw`), to ours."""
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
