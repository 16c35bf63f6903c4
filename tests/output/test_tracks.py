"""tracks.h5, events.csv and log.jsonl: what was appended is read back, and a rewound file grows on as if nothing had
happened."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from hemoflow.errors import InputError, RunError
from hemoflow.output.lines import EventsWriter, LogWriter
from hemoflow.output.reader import read_tracks
from hemoflow.output.tracks import TracksWriter

from . import sample


def test_tracks_are_read_back_as_they_were_appended(tmp_path):
    writer = sample.tracks(tmp_path)
    for k in range(3):
        writer.append(*sample.track_row(k))
    tracks = read_tracks(tmp_path)
    assert tracks.name == ["ctc-1", "ctc-2", "wbc-1"] and list(tracks.id) == [7, 9, 11]
    assert tracks.opening_names == ["inlet", "outlet"] and tracks.traction_bins.shape == (6,)
    for k in range(3):
        time, cells, flow = sample.track_row(k)
        assert tracks.time[k] == time
        assert np.array_equal(tracks.position[k], cells["position"])
        assert np.array_equal(tracks.traction_histogram[k], cells["traction_histogram"])
        assert np.array_equal(tracks.flux[k], flow["flux"])
    assert np.isnan(tracks.volume).all() and np.isnan(tracks.pressure).all(), "what was not given is unknown"
    assert (tracks.cluster_id == -1).all() and (tracks.bonds[:, 1] == 2).all()


def test_tracks_rewound_and_continued_equal_those_never_interrupted(tmp_path):
    for name in ("straight", "rewound"):
        (tmp_path / name).mkdir()
        writer = sample.tracks(tmp_path / name)
        for k in range(5):
            writer.append(*sample.track_row(k))
        if name == "rewound":
            writer.rewind(1e-4)
            writer = sample.tracks(tmp_path / name)
            assert writer.count == 2
            for k in range(2, 5):
                writer.append(*sample.track_row(k))
    one, two = read_tracks(tmp_path / "straight"), read_tracks(tmp_path / "rewound")
    for name, values in vars(one).items():
        kind = {"equal_nan": True} if np.asarray(values).dtype.kind == "f" else {}
        assert np.array_equal(values, getattr(two, name), **kind), name


def test_a_run_without_cells_or_openings_has_tracks_too(tmp_path):
    writer = TracksWriter(tmp_path, [], [], [1.0, 10.0], [])
    writer.append(0.0, {})
    tracks = read_tracks(tmp_path)
    assert tracks.position.shape == (1, 0, 3) and tracks.flux.shape == (1, 0)


def test_wrong_rows_and_other_cells_are_refused(tmp_path):
    writer = sample.tracks(tmp_path)
    writer.append(*sample.track_row(1))
    with pytest.raises(RunError, match="rewind first"):
        writer.append(*sample.track_row(0))
    with pytest.raises(RunError, match="colour"):
        writer.append(1.0, {"colour": np.zeros(3)})
    with pytest.raises(RunError, match="shape"):
        writer.append(1.0, {"area": np.zeros(2)})
    with pytest.raises(InputError, match="cells/id"):
        TracksWriter(tmp_path, [1, 2, 3], ["a", "b", "c"], np.logspace(-2, 3, 6), ["inlet", "outlet"])
    assert len(read_tracks(tmp_path).time) == 1


def test_events_keep_one_row_each_whatever_the_texts_hold(tmp_path):
    events = EventsWriter(tmp_path)
    events.append(1e-3, "entry", "ctc-1", (1e-6, 2e-6, 3e-6), 'passed "the neck",\nslowly')
    events.append(2e-3, "stop", "=cmd", None, "")
    with open(tmp_path / "events.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["kind"] for r in rows] == ["entry", "stop"]
    assert float(rows[0]["where_y_m"]) == 2e-6 and rows[0]["why"] == 'passed "the neck", slowly'
    assert rows[1]["who"] == "'=cmd" and rows[1]["where_x_m"] == "", "no spreadsheet computes a name"


def test_events_and_log_go_back_in_time_without_gaps_or_repeats(tmp_path):
    for again in range(3):
        events, log = EventsWriter(tmp_path), LogWriter(tmp_path)
        events.rewind(0.5)
        log.rewind(0.5)
        assert (events.count, log.count) == ((0, 0) if again == 0 else (2, 2))
        for k in range(events.count, 5):
            events.append(k * 0.4, "pause", f"cell {k}")
            log.append({"time": k * 0.4, "step": k})
    assert [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()] == list(range(5))
    assert len((tmp_path / "events.csv").read_text().splitlines()) == 6


def test_log_is_strict_json_with_null_for_what_is_not_finite(tmp_path):
    log = LogWriter(tmp_path)
    log.append({"rate": np.float32("nan"), "mass": [1.0, np.inf], "step": np.int64(3), "name": "é"})

    def refuse(text):
        raise AssertionError(text)

    record = json.loads((tmp_path / "log.jsonl").read_text(encoding="utf-8"), parse_constant=refuse)
    assert record == {"rate": None, "mass": [1.0, None], "step": 3, "name": "é"}


def test_a_line_cut_short_by_a_crash_is_dropped(tmp_path):
    LogWriter(tmp_path).append({"time": 1.0})
    with open(tmp_path / "log.jsonl", "a") as file:
        file.write('{"time": 2.')
    log = LogWriter(tmp_path)
    log.append({"time": 3.0})
    assert [json.loads(line)["time"] for line in (tmp_path / "log.jsonl").read_text().splitlines()] == [1.0, 3.0]
