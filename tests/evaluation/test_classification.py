"""Scores of a classifier, against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn import metrics

from jaxmusic.evaluation import (
    bootstrap_interval,
    classification_scores,
    confusion_matrix,
    expected_calibration_error,
    wilson_interval,
)


def test_scores_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 300)
    probabilities = rng.dirichlet(np.ones(4), 300)
    predicted = probabilities.argmax(1)
    found = classification_scores(probabilities, labels)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(labels, predicted))
    assert found["macro_f1"] == pytest.approx(metrics.f1_score(labels, predicted, average="macro"))
    assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(labels, predicted))
    assert found["confusion"] == metrics.confusion_matrix(labels, predicted).tolist()
    np.testing.assert_allclose(found["per_class"], metrics.recall_score(labels, predicted, average=None))


def test_a_class_without_rows_has_no_accuracy_and_does_not_count():
    found = classification_scores(np.eye(3)[[0, 0, 1]], np.array([0, 0, 1]))
    assert found["per_class"] == [1.0, 1.0, None]
    assert found["macro_f1"] == 1.0


def test_calibration_by_hand():
    # Two bins: confidence .9 with half right, .6 with all right.
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]])
    found = expected_calibration_error(probabilities, np.array([0, 1, 0, 0]))
    assert found == pytest.approx(0.5 * 0.4 + 0.5 * 0.4)


def test_wilson_interval_by_hand():
    assert wilson_interval(0, 10)[0] == pytest.approx(0.0, abs=1e-12)
    assert wilson_interval(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    with pytest.raises(ValueError, match="no share"):
        wilson_interval(3, 2)


def test_wrong_labels_are_refused():
    for labels in (np.array([2]), np.array([-1]), np.array([0, 1]), np.array([], int)):
        with pytest.raises(ValueError, match="do not fit"):
            classification_scores(np.array([[0.5, 0.5]]), labels)


@pytest.mark.parametrize(
    ("labels", "predicted", "message"),
    [
        ([-1, 0], [0, 0], "labels has classes from -1 to 0, there are 0 to 1"),
        ([0, 0], [0, 2], "predicted has classes from 0 to 2"),
        ([0, 1, 1], [0], "3 labels, 1 predicted"),
    ],
)
def test_classes_that_do_not_exist_are_not_counted_elsewhere(labels, predicted, message):
    with pytest.raises(ValueError, match=message):
        confusion_matrix(np.array(labels), np.array(predicted), 2)
    assert confusion_matrix(np.zeros(0, int), np.zeros(0, int), 2).sum() == 0


def test_a_diverged_model_has_no_accuracy():
    with pytest.raises(ValueError, match="diverged"):
        classification_scores(np.array([[np.nan, np.nan], [0, 1]]), np.array([0, 1]))


def test_boolean_labels_are_classes_not_a_mask():
    assert classification_scores(np.eye(2), np.array([False, True]))["accuracy"] == 1.0
    assert expected_calibration_error(np.eye(2), np.array([False, True])) == 0.0
    assert confusion_matrix(np.array([False, True]), np.array([True, True]), 2).tolist() == [[0, 1], [0, 1]]


@pytest.mark.parametrize("score", [classification_scores, expected_calibration_error])
def test_logits_and_labels_that_are_no_classes_are_refused(score):
    for bad in (np.array([[3.0, -1.0], [0.0, 2.0]]), np.array([[0.9, 0.9], [0.5, 0.5]])):
        with pytest.raises(ValueError, match="softmax"):
            score(bad, np.array([0, 1]))
    for labels in (np.array([0.0, 1.0]), np.array([[0, 1]]), np.array(["a", "b"])):
        with pytest.raises(ValueError, match="whole numbers"):
            score(np.eye(2), labels)


@pytest.mark.parametrize("level", [0, 1, 1.5, -0.5, np.nan])
def test_levels_lie_between_0_and_1(level):
    with pytest.raises(ValueError, match="level"):
        wilson_interval(3, 5, level=level)
    with pytest.raises(ValueError, match="level"):
        bootstrap_interval(np.ones(3), level=level)
