"""Words → arrays: tokens, the language of a text, TF-IDF, transformers; and features → sentences."""

from jaxmusic.text._encode import Encoder, TextEmbeddings, encode
from jaxmusic.text._sentence_encoder import SentenceEncoder, sentence_encoder
from jaxmusic.text._stop_words import stop_words
from jaxmusic.text._tokenize import load_tokenizer, tokenize
from jaxmusic.text.descriptions import Terciles, describe, fit_terciles
from jaxmusic.text.folding import fold, is_near
from jaxmusic.text.language import UNDETERMINED, content_words, detect_language, words
from jaxmusic.text.lexical import LEXICAL_COLUMNS, lexical_statistics
from jaxmusic.text.tag_search import tag_scores, tag_weights
from jaxmusic.text.tfidf import TfidfPCA, fit_tfidf_pca
from jaxmusic.text.transformer_config import TransformerConfig
from jaxmusic.text.vocabulary import (
    Tokens,
    Vocabulary,
    token_ids,
    train_wordpiece,
    trained_vocabulary,
    wordpiece_tokenizer,
)
from jaxmusic.text.weights import Pretrained, load_pretrained, save_pretrained
from jaxmusic.text.word_vectors import WordVectors, fit_word_vectors, load_word_vectors, multi_hot

__all__ = [
    "LEXICAL_COLUMNS",
    "UNDETERMINED",
    "Encoder",
    "Pretrained",
    "SentenceEncoder",
    "Terciles",
    "TextEmbeddings",
    "TfidfPCA",
    "Tokens",
    "TransformerConfig",
    "Vocabulary",
    "WordVectors",
    "content_words",
    "describe",
    "detect_language",
    "encode",
    "fit_terciles",
    "fit_tfidf_pca",
    "fit_word_vectors",
    "fold",
    "is_near",
    "lexical_statistics",
    "load_pretrained",
    "load_tokenizer",
    "load_word_vectors",
    "multi_hot",
    "save_pretrained",
    "sentence_encoder",
    "stop_words",
    "tag_scores",
    "tag_weights",
    "token_ids",
    "tokenize",
    "train_wordpiece",
    "trained_vocabulary",
    "wordpiece_tokenizer",
    "words",
]
