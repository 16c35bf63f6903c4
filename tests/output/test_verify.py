"""`verify` finds a damaged file by name, and provenance tells with what a run was made without telling where."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hemoflow.errors import InputError
from hemoflow.output.checkpoint import save_checkpoint
from hemoflow.output.lines import EventsWriter, LogWriter
from hemoflow.output.provenance import read_provenance, record_checksums, write_provenance
from hemoflow.output.reader import verify_folder

from . import sample


def write_run(folder, finished: bool = True):
    """A folder with every file of a run."""
    (folder / "case.toml").write_text('[case]\nname = "x"\n')
    results, tracks, log = sample.results(folder), sample.tracks(folder), LogWriter(folder)
    for k in range(3):
        results.append(*sample.step(k))
        tracks.append(*sample.track_row(k))
        log.append({"time": k * 1e-4})
    EventsWriter(folder).append(1e-4, "entry", "ctc-1")
    save_checkpoint(folder, {"x": np.arange(1000.0)}, {"step": 5})
    (folder / "score.json").write_text("{}\n")
    write_provenance(folder, {"device": "cpu", "precision": "float32", "seeds": {"run": 1}}, finished)


FILES = ["results.vtkhdf", "results.xdmf", "tracks.h5", "events.csv", "log.jsonl", "checkpoint_000000000005.h5"]


def test_a_run_as_it_was_written_has_no_damage(tmp_path):
    write_run(tmp_path)
    assert verify_folder(tmp_path) == []
    assert set(FILES) < set(read_provenance(tmp_path)["files"])


@pytest.mark.parametrize("name", [*FILES, "case.toml", "score.json", "provenance.json"])
def test_one_flipped_bit_names_the_file(tmp_path, name):
    write_run(tmp_path)
    data = bytearray((tmp_path / name).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / name).write_bytes(bytes(data))
    assert name in [damage.file for damage in verify_folder(tmp_path)]


def test_flipped_data_bits_of_an_unfinished_run_are_found_without_checksums(tmp_path):
    write_run(tmp_path, finished=False)
    assert verify_folder(tmp_path) == []
    rng = np.random.default_rng(5)
    for name in ("results.vtkhdf", "checkpoint_000000000005.h5"):
        good = (tmp_path / name).read_bytes()
        found = 0
        for _ in range(10):
            data = bytearray(good)
            place = int(rng.integers(len(data) // 4, len(data)))
            data[place] ^= 16
            (tmp_path / name).write_bytes(bytes(data))
            found += any(damage.file == name for damage in verify_folder(tmp_path))
        (tmp_path / name).write_bytes(good)
        assert found >= 5, f"{name}: only what HDF5 leaves unused may go unnoticed"
    assert verify_folder(tmp_path) == []


def test_missing_and_cut_files_are_named(tmp_path):
    write_run(tmp_path)
    (tmp_path / "events.csv").unlink()
    (tmp_path / "tracks.h5").write_bytes((tmp_path / "tracks.h5").read_bytes()[:-100])
    damages = {damage.file: str(damage) for damage in verify_folder(tmp_path)}
    assert set(damages) == {"events.csv", "tracks.h5"}
    assert "missing" in damages["events.csv"] and "bytes instead of" in damages["tracks.h5"]


def test_a_score_computed_again_is_sound_once_its_checksum_is_renewed(tmp_path):
    write_run(tmp_path)
    (tmp_path / "score.json").write_text('{"survival": 1}\n')
    assert [damage.file for damage in verify_folder(tmp_path)] == ["score.json"]
    record_checksums(tmp_path, ["score.json", "report.html"])
    assert verify_folder(tmp_path) == []


def test_provenance_holds_versions_but_no_paths(tmp_path):
    (tmp_path / "case.toml").write_text("")
    record = {
        "command": "run /srv/ann/secret/case.toml --out ~/x/out",
        "nested": {"mesh": "/data/y/lung.stl"},
        "unit": "kg/m^3",
    }
    write_provenance(tmp_path, {**record, "started": "2030-01-01T00:00:00+00:00"}, finished=False)
    write_provenance(tmp_path, {"ended": "2030-01-02T00:00:00+00:00"})
    text = (tmp_path / "provenance.json").read_text()
    held = json.loads(text)
    assert held["command"] == "run case.toml --out out" and held["nested"]["mesh"] == "lung.stl"
    assert held["unit"] == "kg/m^3" and held["started"].startswith("2030-01-01") and held["ended"]
    assert {"python", "numpy", "h5py"} <= held["versions"].keys()
    assert str(tmp_path) not in text and "secret" not in text


def test_a_list_of_checksums_cannot_lead_out_of_the_folder(tmp_path):
    (tmp_path / "case.toml").write_text("")
    (tmp_path / "provenance.json").write_text('{"files": {"../x": {"sha256": "", "bytes": 0}, "/etc/hostname": {}}}')
    assert {damage.file for damage in verify_folder(tmp_path)} == {"provenance.json"}


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="no run"):
        verify_folder(tmp_path)
