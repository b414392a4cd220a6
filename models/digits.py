"""What the training scripts share of scikit-learn's handwritten digits: the split into parts that have no picture in common."""
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

HELD_OUT = 300  # pictures
VALIDATION = 200  # pictures, never trained on: settings are judged by these, not by the held-out ones


def split(seed):
    """Three disjoint parts with equal shares of every class: name -> (pictures [N,8,8] of 0..16, labels [N])."""
    digits = load_digits()
    rest, held_out = train_test_split(
        np.arange(len(digits.images)), test_size=HELD_OUT, stratify=digits.target, random_state=seed)
    train, validation = train_test_split(
        rest, test_size=VALIDATION, stratify=digits.target[rest], random_state=seed)
    parts = {"train": train, "validation": validation, "held-out": held_out}
    assert sorted(np.concatenate(list(parts.values()))) == list(range(len(digits.images)))
    assert len(np.unique(digits.data, axis=0)) == len(digits.images), "a picture occurs twice in the data"
    return {name: (digits.images[np.sort(part)], digits.target[np.sort(part)]) for name, part in parts.items()}
