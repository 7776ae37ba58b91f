"""Functions with one bad argument at a time: errors are this library's own, and no number is made of NaN."""

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import jaxmusic.audio
import jaxmusic.evaluation
import jaxmusic.losses
import jaxmusic.recommend
import jaxmusic.text

sys.path.insert(0, str(Path(__file__).parent))
from good_calls import CALLS
from one_bad_argument import POISON, bad_values, outcome

# Finite by definition: power below `amin` counts as `amin`, −∞ dB are no power, an item whose score is −∞ is not shown.
FINITE_FROM_POISON = {
    "audio.power_to_db(S=-inf)",
    "audio.db_to_power(S_db=-inf)",
    "audio.db_to_amplitude(S_db=-inf)",
    "evaluation.expected_average_precision(scores=-inf)",
    "evaluation.expected_ranking_scores(scores=-inf)",
}
# Of a complex spectrogram the magnitude is taken, as librosa does; a weight of a loss may be a key of the batch.
FINITE_FROM_WRONG_TYPES = {
    "audio.rms(S=complex)",
    "losses.weighted(weight=str)",
    *(
        f"losses.{name}(beta=str)"
        for name in (
            "divergence",
            "elbo",
            "joint_elbo",
            "mixture_divergence",
            "multimodal_elbo",
            "mvtcae_elbo",
            "subset_elbo",
        )
    ),
}

# Functions of files, models and compiled losses, which are tried with bad input where they are tested.
WITHOUT_GOOD_CALL = {
    "audio.extract",
    "audio.load",
    "audio.sound_encoder",
    "evaluation.coherence",
    "evaluation.conditional_log_likelihood",
    "evaluation.generate",
    "evaluation.importance_log_weights",
    "evaluation.interpolate",
    "evaluation.joint_log_likelihood",
    "evaluation.predictive_log_likelihood",
    "evaluation.sample_prior",
    "losses.loss",
    "text.encode",
    "text.load_pretrained",
    "text.load_tokenizer",
    "text.load_word_vectors",
    "text.save_pretrained",
    "text.sentence_encoder",
    "text.token_ids",
    "text.tokenize",
    "text.trained_vocabulary",
    "text.wordpiece_tokenizer",
}


@pytest.fixture(scope="module", params=CALLS)
def tried(request):
    """The package, and the outcome of every call with one bad argument."""
    found = {}
    for name, call in CALLS[request.param].items():
        for argument, value in call.arguments.items():
            for bad, instead in bad_values(value):
                label = f"{request.param}.{name}({argument}={bad})"
                found[label] = bad, outcome(call.function, {**call.arguments, argument: instead})
    return request.param, found


@pytest.mark.parametrize("package", CALLS)
def test_good_calls_are_good(package):
    for name, call in CALLS[package].items():
        assert outcome(*call).kind == "finite", name


def test_nan_and_infinity_are_never_answered_with_numbers(tried):
    _, found = tried
    silent = {label for label, (bad, came) in found.items() if bad in POISON and came.kind == "finite"}
    assert silent <= FINITE_FROM_POISON


def test_texts_objects_and_complex_numbers_are_never_taken_for_numbers(tried):
    _, found = tried
    wrong = {
        label
        for label, (bad, came) in found.items()
        if bad in ("str", "object", "complex") and came.kind == "finite" and "labels=" not in label
    }
    assert wrong <= FINITE_FROM_WRONG_TYPES


def test_errors_are_this_librarys_own(tried):
    _, found = tried
    foreign = [f"{label}: {came.what}" for label, (_, came) in found.items() if came.kind == "foreign traceback"]
    kinds = Counter(came.kind for _, came in found.values())
    assert not foreign, (kinds, foreign)


def test_functions_without_a_good_call_are_known():
    modules = {name: getattr(jaxmusic, name) for name in CALLS}
    lacking = {
        f"{package}.{name}"
        for package, module in modules.items()
        for name in getattr(module, "__all__", vars(module))
        if callable(getattr(module, name))
        and not isinstance(getattr(module, name), type)
        and getattr(getattr(module, name), "__module__", "").startswith("jaxmusic")
        and not name.startswith("_")
        and name not in CALLS[package]
    }
    assert lacking == WITHOUT_GOOD_CALL


def test_a_bad_value_is_not_the_good_one():
    for value in (np.arange(6.0).reshape(3, 2), np.arange(3)):
        for name, bad in bad_values(value):
            assert bad.dtype != value.dtype or bad.shape != value.shape or (bad != value).any(), name
