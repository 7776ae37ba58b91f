"""Words → arrays: tokens, the language of a text, TF-IDF on principal components."""

from jaxmusic.text.language import UNDETERMINED, content_words, detect_language, words
from jaxmusic.text.stop_words import stop_words
from jaxmusic.text.tfidf import TfidfPCA, fit_tfidf_pca

__all__ = [
    "UNDETERMINED",
    "TfidfPCA",
    "content_words",
    "detect_language",
    "fit_tfidf_pca",
    "stop_words",
    "words",
]
