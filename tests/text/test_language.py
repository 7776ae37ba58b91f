"""Words of any script, and languages detected from the words alone."""

import unicodedata
from pathlib import Path

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from jaxmusic.data.tables import read_table
from jaxmusic.text import content_words, detect_language, stop_words, words
from jaxmusic.text._stop_words import LANGUAGES

SENTENCES = {
    "bn": "আমার সোনার বাংলা, আমি তোমায় ভালোবাসি",
    "de": "ich weiß nicht, was soll es bedeuten, dass ich so traurig bin",
    "en": "should auld acquaintance be forgot and never brought to mind",
    "es": "cielito lindo, los corazones se alegran cuando cantas tú",
    "fr": "sur le pont d'Avignon, on y danse tous en rond",
    "it": "che bella cosa è una giornata di sole, quando l'aria è serena",
    "nl": "zie de maan schijnt door de bomen, makkers staakt uw wild geraas",
    "pt": "a barata diz que tem sete saias de filó, não tem uma só",
    "ko": "아리랑 아리랑 아라리요",
    "ja": "さくら さくら 野山も里も",
    "el": "σε γνωρίζω από την κόψη",
    "ta": "நீராரும் கடலுடுத்த",
}


def test_scikit_learns_default_pattern_breaks_bangla_words_and_ours_does_not():
    line = "আমার সোনার বাংলা"
    # Each vowel sign ends a word there and single letters are thrown away: one scrap is all that is left.
    assert TfidfVectorizer().build_analyzer()(line) == ["আম"]
    assert words(line) == ["আমার", "সোনার", "বাংলা"]


@pytest.mark.parametrize("word", ["হৃদয়", "ব্যথা", "চাঁদ", "দুঃখ", "বড়ো", "किताब", "ভালোবাসি", "été", "Straße"])
def test_a_word_with_marks_stays_one_word(word):
    for form in ("NFC", "NFD"):
        assert words(unicodedata.normalize(form, word)) == [unicodedata.normalize("NFC", word.lower())]


def test_joiners_do_not_make_another_word():
    assert words("র\u200d্যাব") == words("র্যাব") == ["র্যাব"]
    assert words("soft\u00adly") == ["softly"]


def test_punctuation_ends_words_and_apostrophes_inside_do_not():
    assert words("‘Rock ’n’ roll’ — don’t stop! 99\u200bproblems; a_b।") == [
        "rock",
        "n",
        "roll",
        "don't",
        "stop",
        "99",
        "problems",
        "a",
        "b",
    ]
    assert words("  \n’ ") == []


@pytest.mark.parametrize("language", SENTENCES)
def test_a_sentence_is_of_its_language(language):
    assert detect_language(SENTENCES[language]) == language


# The first lines of anthems and old songs in languages that are not listed.
OTHERS = {
    "sv": "Du gamla, du fria, du fjällhöga nord, du tysta, du glädjerika sköna! Jag hälsar dig, vänaste land uppå jord",
    "pl": "Jeszcze Polska nie zginęła, kiedy my żyjemy, co nam obca przemoc wzięła, szablą odbierzemy",
    "fi": "Oi maamme, Suomi, synnyinmaa, soi, sana kultainen! Ei laaksoa, ei kukkulaa, ei vettä, rantaa rakkaampaa",
    "vi": "Đoàn quân Việt Nam đi chung lòng cứu quốc, bước chân dồn vang trên đường gập ghềnh xa",
    "da": "Der er et yndigt land, det står med brede bøge nær salten østerstrand, det bugter sig i bakke, dal",
    "nb": "Ja, vi elsker dette landet, som det stiger frem, furet, værbitt over vannet, med de tusen hjem",
    "tr": "Korkma, sönmez bu şafaklarda yüzen al sancak, sönmeden yurdumun üstünde tüten en son ocak",
    "ro": "Deșteaptă-te, române, din somnul cel de moarte, în care te-adânciră barbarii de tirani",
    "hu": "Isten, áldd meg a magyart jó kedvvel, bőséggel, nyújts feléje védő kart, ha küzd ellenséggel",
    "id": "Indonesia tanah airku, tanah tumpah darahku, di sanalah aku berdiri jadi pandu ibuku",
    "et": "Mu isamaa, mu õnn ja rõõm, kui kaunis oled sa! Ei leia mina iial teal see suure laia ilma peal",
}


@pytest.mark.parametrize("language", OTHERS)
def test_a_language_that_is_not_listed_is_not_taken_for_one_that_is(language):
    assert detect_language(OTHERS[language]) == "und"


def test_lingua_knows_them_too():
    pytest.importorskip("lingua", reason="lingua-language-detector is not installed")
    found = {language: detect_language(text, detector="lingua") for language, text in (OTHERS | SENTENCES).items()}
    assert found == {language: language for language in found}
    assert detect_language("123 !", detector="lingua") == "und"
    with pytest.raises(ValueError, match="none of"):
        detect_language("words", detector="other")


@pytest.mark.parametrize(
    "text", ["", "la la la", "ooh ooh", "1234 !?", "Я помню чудное мгновенье", "नमस्ते दुनिया", "die"]
)
def test_no_evidence_is_undetermined(text):
    assert detect_language(text) == "und"


def test_the_script_of_most_letters_decides():
    assert detect_language("আমি তোমায় ভালোবাসি baby") == "bn"
    assert detect_language("I love you so much and you are my আমি") == "en"


def test_decomposed_and_shouted_text_is_detected_alike():
    for language, sentence in SENTENCES.items():
        assert detect_language(unicodedata.normalize("NFD", sentence.upper())) == language


def test_content_words_leave_out_the_texts_own_stop_words():
    assert content_words("the man and the die") == ["man", "die"]
    assert content_words("die Nacht und der Tag, die ich nicht vergesse") == ["nacht", "tag", "vergesse"]
    assert content_words("l'amour qu'on m'a donné quand je n'étais rien") == ["amour", "donné"]
    assert content_words("the girl's gone and it's raining, don't cry") == ["girl", "gone", "raining", "cry"]
    assert content_words("x y zz") == ["zz"]


def test_stop_word_lists_are_clean():
    for language in LANGUAGES:
        listed = stop_words(language)
        assert len(listed) >= 100
        for word in listed:
            assert words(word) == [word], f"{word!r} of {language} can never match a token"


@pytest.mark.parametrize(("folder", "at_least"), [("clips_en_de", 0.985), ("clips_cc", 0.95), ("bangla_lyrics", 1.0)])
def test_detection_on_real_lyrics(real_data: Path, folder: str, at_least: float):
    rows = read_table(real_data / folder / "lyrics.csv", ("id", "lyrics"))
    if folder == "bangla_lyrics":
        truth = dict.fromkeys((row["id"] for row in rows), "bn")
    else:
        labels = read_table(real_data / folder / "labels.csv", ("id", "language"))
        truth = {row["id"]: row["language"] for row in labels}
    accuracy = sum(detect_language(row["lyrics"]) == truth[row["id"]] for row in rows) / len(rows)
    assert accuracy >= at_least
