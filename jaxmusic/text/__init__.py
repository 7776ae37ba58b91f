"""Words → arrays: tokens, the language of a text, TF-IDF on principal components; and features → sentences."""

from jaxmusic.text.descriptions import Terciles, describe, fit_terciles
from jaxmusic.text.language import UNDETERMINED, content_words, detect_language, words
from jaxmusic.text.stop_words import stop_words
from jaxmusic.text.tfidf import TfidfPCA, fit_tfidf_pca
from jaxmusic.text.tokens import Tokens, Vocabulary, encode, load_tokenizer, train_wordpiece, trained_vocabulary

__all__ = [
    "UNDETERMINED",
    "Terciles",
    "TfidfPCA",
    "Tokens",
    "Vocabulary",
    "content_words",
    "describe",
    "detect_language",
    "encode",
    "fit_terciles",
    "fit_tfidf_pca",
    "load_tokenizer",
    "stop_words",
    "train_wordpiece",
    "trained_vocabulary",
    "words",
]
