"""A checkpoint comes back bit by bit or not at all."""

from __future__ import annotations

import numpy as np
import pytest

from hemoflow.errors import InputError, RunError
from hemoflow.output.checkpoint import load_checkpoint, require_same, save_checkpoint
from hemoflow.output.folder import checkpoints_in


def arrays(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "fluid/populations": rng.normal(size=(19, 50)).astype(np.float32),
        "cells/0/offset": rng.normal(size=(2, 4, 3)),
        "cells/0/alive": np.array([True, False]),
        "cells/0/anchor": np.array([[1, -2, 3]], np.int32),
        "key": np.array([0, 2**32 - 1], np.uint32),
        "scalar": np.float32(-0.0),
        "empty": np.zeros((0, 3), np.float32),
    }


def test_a_checkpoint_comes_back_bit_by_bit(tmp_path):
    save_checkpoint(tmp_path, arrays(), {"step": 12, "time": 0.1, "counts": {"events": 3}})
    back, meta = load_checkpoint(tmp_path)
    assert meta == {"step": 12, "time": 0.1, "counts": {"events": 3}}
    assert back.keys() == arrays().keys()
    for name, value in arrays().items():
        held = back[name]
        assert held.dtype == np.asarray(value).dtype and held.shape == np.asarray(value).shape, name
        assert held.tobytes() == np.asarray(value).tobytes(), name


def test_the_newest_two_are_kept_and_a_given_up_future_is_removed(tmp_path):
    for step in (1, 2, 3, 10):
        save_checkpoint(tmp_path, arrays(step), {"step": step})
    assert [int(p.stem[11:]) for p in checkpoints_in(tmp_path)] == [3, 10]
    save_checkpoint(tmp_path, arrays(), {"step": 5})
    assert [int(p.stem[11:]) for p in checkpoints_in(tmp_path)] == [3, 5]


@pytest.mark.parametrize("damage", ["cut", "zeros", "bit"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_taken(tmp_path, damage):
    save_checkpoint(tmp_path, arrays(1), {"step": 1})
    newest = save_checkpoint(tmp_path, arrays(2), {"step": 2})
    data = bytearray(newest.read_bytes())
    if damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "zeros":
        data = bytearray(len(data))
    else:
        data[data.find(arrays(2)["fluid/populations"].tobytes()[:64]) + 5] ^= 4
    newest.write_bytes(bytes(data))
    with pytest.warns(UserWarning, match=newest.name):
        back, meta = load_checkpoint(tmp_path)
    assert meta["step"] == 1
    assert np.array_equal(back["fluid/populations"], arrays(1)["fluid/populations"])


def test_nothing_sound_is_an_error_and_never_a_fresh_start(tmp_path):
    with pytest.raises(InputError, match="no checkpoint"):
        load_checkpoint(tmp_path)
    path = save_checkpoint(tmp_path, arrays(), {"step": 1})
    path.write_bytes(b"")
    with pytest.warns(UserWarning), pytest.raises(InputError, match="none of the 1"):
        load_checkpoint(tmp_path)


def test_every_flipped_bit_is_found(tmp_path):
    path = save_checkpoint(tmp_path, {"x": np.arange(6.0)}, {"step": 1})
    good = path.read_bytes()
    expected = np.arange(6.0).tobytes()
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(60):
        data = bytearray(good)
        data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(data))
        try:
            back, meta = load_checkpoint(path)
            assert back["x"].tobytes() == expected and meta == {"step": 1}, (
                "only bits that hold nothing may go unnoticed"
            )
        except InputError:
            found += 1
    assert found > 0


def test_a_state_that_is_not_finite_replaces_nothing(tmp_path):
    path = save_checkpoint(tmp_path, arrays(), {"step": 1})
    before = path.read_bytes()
    for step in (1, 2):
        with pytest.raises(RunError, match="populations is not finite"):
            save_checkpoint(tmp_path, {"populations": np.array([1.0, np.nan])}, {"step": step})
    assert path.read_bytes() == before and checkpoints_in(tmp_path) == [path]


def test_a_checkpoint_of_another_run_is_refused_with_every_difference():
    meta = {"precision": "float32", "case": "abc", "nodes": 100}
    require_same(meta, {"precision": "float32", "nodes": 100})
    with pytest.raises(InputError) as error:
        require_same(meta, {"precision": "float64", "case": "abc", "nodes": 90})
    assert "precision: 'float32' then, 'float64' now" in str(error.value) and "nodes" in str(error.value)
