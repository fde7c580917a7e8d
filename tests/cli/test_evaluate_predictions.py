"""`dlh evaluate --predictions FILE`, as the maker of other software would use it, and compare."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from dlh.commands import evaluate
from dlh.evaluation.scores import fvd
from dlh.evaluation.scores.i3d import I3D
from refusals import holds

CLIPS, SAMPLES, CONTEXT, HORIZON = 3, 4, 2, 5
SHAPE = (12, 14, 1)
SMALL = ("--num-processes", 1)


@pytest.fixture(autouse=True)
def without_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes longer than scoring these; test_evaluate_command.py has the pictures."""
    monkeypatch.setattr(evaluate.report, "pictures_of", lambda scores, beside: {})


def arrays(seed: int = 0, shape=SHAPE, horizon: int = HORIZON) -> dict[str, np.ndarray]:
    """Truth on the grid of bytes, as that of stored frames."""
    random = np.random.default_rng(seed)

    def frames(*leading: int) -> np.ndarray:
        return (random.integers(0, 256, (*leading, *shape)) / 255).astype(np.float32)

    return {
        "context": frames(CLIPS, CONTEXT),
        "truth": frames(CLIPS, horizon),
        "samples": frames(CLIPS, SAMPLES, horizon),
    }


def save(name: str = "f.npz", **changes: np.ndarray | None) -> Path:
    """An .npz of :func:`arrays` with some of them replaced, or left out."""
    content = arrays() | changes
    np.savez(name, **{key: value for key, value in content.items() if value is not None})
    return Path(name)


def scores_in(folder: str) -> dict:
    return json.loads(Path(folder, "scores.json").read_text("utf-8"))


def psnr(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Of frames (..., height, width, channel), averaged over time."""
    squares = ((ours.astype(float) - theirs) ** 2).mean((-3, -2, -1))
    return (-10 * np.log10(squares)).mean(-1)


def test_an_external_file_is_scored_beside_the_floors(dlh):
    path, content = save("mine.npz"), arrays()
    answer = dlh("evaluate", "--predictions", path, *SMALL)
    assert (answer.status, answer.err) == (0, "")
    assert holds(answer.out, 3, "mine.npz", 2, 5, 4, "seed 0")
    scores = scores_in("mine-scores")
    means = psnr(content["samples"], content["truth"][:, None])
    entry = scores["rows"]["model"]["psnr"]
    assert entry["best"] == pytest.approx(means.max(1).mean(), abs=1e-4)
    assert entry["mean"] == pytest.approx(means.mean(), abs=1e-4)
    assert entry["spread"] == pytest.approx(means.std(1, ddof=1).mean(), abs=1e-4)
    last = psnr(content["context"][:, -1:], content["truth"])
    assert scores["rows"]["last_frame"]["psnr"]["best"] == pytest.approx(last.mean(), abs=1e-4)
    assert scores["rows"]["oracle"]["psnr"]["best"] == pytest.approx(100)
    assert scores["rows"]["mean_frame"]["psnr"]["not_computed"]
    assert scores["protocol"]["name"] == "predictions" and "events" not in scores
    page = Path("mine-scores/report.html").read_text("utf-8")
    assert "mean frame: not computed: a file of predictions has no training clips" in page


def test_bytes_compressed_and_in_fortran_order_score_the_same(dlh):
    content = arrays()
    save("plain.npz")
    stored = {key: np.round(255 * value).astype(np.uint8) for key, value in content.items()}
    np.savez_compressed("bytes.npz", **stored)
    np.savez("columns.npz", **{key: np.asfortranarray(value) for key, value in content.items()})
    found = []
    for name in ("plain", "bytes", "columns"):
        answer = dlh("evaluate", "--predictions", f"{name}.npz", *SMALL)
        assert (answer.status, answer.err) == (0, "")
        found.append(scores_in(f"{name}-scores"))
        assert not Path(f"{name}-scores/partial").exists()
    for other in found[1:]:
        assert (
            other["protocol"]["data"]["truth_sha256"]
            == (found[0]["protocol"]["data"]["truth_sha256"])
        )
        for name, entry in found[0]["rows"]["model"].items():
            if entry["best"] is not None:
                assert other["rows"]["model"][name]["best"] == pytest.approx(entry["best"])


def test_without_context_the_row_that_needs_it_says_so(dlh):
    path = save(context=None)
    assert dlh("evaluate", "--predictions", path, *SMALL, "--out", "s").status == 0
    scores = scores_in("s")
    assert scores["protocol"]["context"] is None
    for name, entry in scores["rows"]["last_frame"].items():
        assert entry["best"] is None, name
        assert entry["not_computed"]
    assert scores["rows"]["black"]["psnr"]["best"] is not None


def test_a_part_of_the_frames_and_a_single_clip_and_sample(dlh):
    content = arrays()
    save("one.npz", **{key: value[:1] for key, value in content.items()} | {
        "samples": content["samples"][:1, :1]
    })  # fmt: skip
    answer = dlh("evaluate", "--predictions", "one.npz", "--horizon", 3, *SMALL)
    assert (answer.status, answer.err) == (0, "")
    scores = scores_in("one-scores")
    assert scores["protocol"]["horizon"] == 3
    entry = scores["rows"]["model"]["psnr"]
    mean = psnr(content["samples"][:1, 0, :3], content["truth"][:1, :3])
    assert entry["best"] == entry["mean"] == pytest.approx(float(mean[0]), abs=1e-4)
    assert entry["spread"] == 0 and entry["ci_low"] is None
    assert scores["rows"]["other_clip"]["psnr"]["not_computed"]


def test_frames_too_small_for_a_metric_say_so_and_the_rest_is_scored(dlh):
    np.savez("tiny.npz", **arrays(shape=(8, 8, 1)))
    answer = dlh("evaluate", "--predictions", "tiny.npz", *SMALL)
    assert answer.status == 0
    assert holds(answer.out, "ssim", "11 x 11")
    rows = scores_in("tiny-scores")["rows"]["model"]
    assert "found 8 x 8" in rows["ssim"]["not_computed"] and rows["ssim_legacy"]["best"] is not None


def test_what_dlh_predict_saves_is_scored(dlh, finished, clip):
    words = ("--context", 6, "--horizon", 8, "--samples", 2, "--save", "futures.npz")
    assert dlh("predict", finished, clip, *words).status == 0
    answer = dlh("evaluate", "--predictions", "futures.npz", *SMALL, "--out", "s")
    assert (answer.status, answer.err) == (0, "")
    assert scores_in("s")["protocol"]["data"]["frame_shape"] == [3, 16, 16]


def test_lpips_and_fvd_of_given_weights(dlh, monkeypatch):
    torch.manual_seed(0)
    sizes = ((64, 3, 11, 11), (192, 64, 5, 5), (384, 192, 3, 3), (256, 384, 3, 3), (256, 256, 3, 3))
    weights = {}
    for layer, (place, size) in enumerate(zip((0, 3, 6, 8, 10), sizes, strict=True)):
        part = nn.Conv2d(size[1], size[0], size[2])
        weights |= {f"features.{place}.{key}": value for key, value in part.state_dict().items()}
        weights[f"lin{layer}.model.1.weight"] = torch.rand(1, size[0], 1, 1)
    torch.save(weights, "lpips.pth")
    torch.save(I3D().state_dict(), "i3d.pt")
    # The real features take seconds for each video; the network itself is tested elsewhere.
    monkeypatch.setattr(
        fvd.FrechetVideo, "features", lambda self, videos: videos.flatten(1)[:, :400]
    )
    np.savez("f.npz", **arrays(shape=(32, 32, 3), horizon=9))
    words = ("evaluate", "--predictions", "f.npz", *SMALL, "--lpips-weights", "lpips.pth")
    answer = dlh(*words, "--fvd-weights", "i3d.pt", "--out", "s")
    assert (answer.status, answer.err) == (0, "")
    scores = scores_in("s")
    entry = scores["rows"]["model"]["lpips"]
    assert entry["best"] <= entry["mean"] and entry["best"] > 0
    assert scores["rows"]["oracle"]["lpips"]["best"] == 0
    assert scores["rows"]["oracle"]["fvd"]["best"] == pytest.approx(0, abs=1e-6)
    assert scores["rows"]["model"]["fvd"]["best"] > 1 and scores["rows"]["black"]["fvd"]["best"] > 1
    specs = {spec["name"]: spec["parameters"] for spec in scores["protocol"]["metrics"]}
    assert len(specs["lpips"]["weights_sha256"][0]) == len(specs["fvd"]["weights_sha256"][0]) == 64
    Path("lpips.pth").write_bytes(Path("lpips.pth").read_bytes()[:1000])
    cut = dlh(*words, "--out", "cut")
    assert cut.status == 1 and cut.names("lpips.pth")


def with_value(name: str, place: tuple[int, ...], value: float) -> np.ndarray:
    array = arrays()[name]
    array[place] = value
    return array


TRUTH, FUTURES = arrays()["truth"], arrays()["samples"]


@pytest.mark.parametrize(
    "changes, found",
    [
        ({"samples": None}, ("samples",)),
        ({"truth": None}, ("truth",)),
        ({"samples": FUTURES[:, 0]}, ("samples", (3, 5, 12, 14, 1))),
        ({"truth": TRUTH[:2]}, ("samples", 3, "truth", 2)),
        ({"truth": TRUTH[:, :, :8]}, ("truth", (8, 14, 1), "samples", (12, 14, 1))),
        ({"truth": TRUTH.astype(int)}, ("truth", "int64", [0, 1])),
        ({"samples": FUTURES > 0.5}, ("samples", "bool")),
        ({"truth": np.array([[1, "a"]], object)}, ("truth",)),
        ({"samples": 255 * FUTURES}, ("samples", "clip 0", "sample 0", [0, 1], "divide by 255")),
        ({"samples": 2 * FUTURES - 1}, ("samples", "clip 0", -1, "add 1 and halve")),
        ({"truth": 255 * TRUTH}, ("truth", "clip 0", [0, 1], "divide by 255")),
        ({"truth": TRUTH.round().astype(np.uint8)}, ("truth", 255, "at most 1")),
        ({"samples": FUTURES.round().astype(np.uint8)}, ("samples", 255, "at most 1")),
        ({"truth": TRUTH / 255}, ("truth", "0.0039")),
        ({name: np.moveaxis(array, -1, -3) for name, array in arrays().items()}, ((1, 12, 14),)),
        (
            {"samples": with_value("samples", (1, 2, 0, 0, 0), np.nan)},
            ("samples", "clip 1", "sample 2", 1, 840),
        ),
        ({"truth": with_value("truth", (2, 0, 0, 0), np.inf)}, ("truth", "clip 2")),
        ({"truth": TRUTH - 0.01}, ("truth", "clip 0", [0, 1])),
        ({"truth": TRUTH[:, :3]}, (5, 3, "--horizon 3")),
        ({name: array[[0, 1, 0]] for name, array in arrays().items()}, (0, 2, "f.npz")),
    ],
)
def test_predictions_that_cannot_be_scored(dlh, changes: dict, found: tuple):
    answer = dlh("evaluate", "--predictions", save(**changes), *SMALL, "--out", "s")
    assert answer.status == 1 and holds(answer.line, *found), answer.line
    assert not Path("s/scores.json").exists() and not Path("s/partial").exists()


def test_files_that_are_no_predictions(dlh):
    path = save()
    for words, said in (
        (("--predictions", "none.npz"), "none.npz"),
        (("--predictions", path, "--horizon", 6), "6 samples 5"),
    ):
        answer = dlh("evaluate", *words, *SMALL, "--out", "s")
        assert answer.status == 1 and answer.names(said)
    for horizon in (0, -2):
        answer = dlh("evaluate", "--predictions", path, "--horizon", horizon, "--out", "s")
        assert answer.status == 2 and answer.names(f"horizon {horizon}")
    content = path.read_bytes()
    for broken in (content[: len(content) // 2], b"", b"not an archive"):
        Path("broken.npz").write_bytes(broken)
        answer = dlh("evaluate", "--predictions", "broken.npz", *SMALL, "--out", "s")
        assert answer.status == 1 and answer.names("broken.npz")


def test_a_changed_byte_within_an_array_is_noticed(dlh):
    content = bytearray(save().read_bytes())
    content[len(content) // 2] ^= 1
    Path("f.npz").write_bytes(content)
    answer = dlh("evaluate", "--predictions", "f.npz", *SMALL, "--out", "s")
    assert answer.status == 1 and answer.names("f.npz CRC")
    assert not Path("s").exists()


def test_what_was_unpacked_of_a_file_that_is_refused_does_not_stay(dlh):
    samples = with_value("samples", (1, 2, 0, 0, 0), np.nan)
    np.savez_compressed("packed.npz", **arrays() | {"samples": samples})
    answer = dlh("evaluate", "--predictions", "packed.npz", *SMALL, "--out", "s")
    assert answer.status == 1 and answer.names("1 840 NaN")
    assert [path.name for path in Path().iterdir()] == ["packed.npz"]


def test_values_a_little_outside_are_clipped_and_that_is_said(dlh):
    path = save(samples=1.2 * arrays()["samples"])
    answer = dlh("evaluate", "--predictions", path, *SMALL, "--out", "s")
    assert answer.status == 0 and holds(answer.out, [0, 1])
    clipped = psnr(np.minimum(1.2 * arrays()["samples"], 1), arrays()["truth"][:, None])
    best = scores_in("s")["rows"]["model"]["psnr"]["best"]
    assert best == pytest.approx(clipped.max(1).mean(), abs=1e-4)


def test_samples_that_were_scaled_twice_are_scored_and_that_is_said(dlh):
    path = save(samples=arrays()["samples"] / 255)
    answer = dlh("evaluate", "--predictions", path, *SMALL, "--out", "s")
    assert answer.status == 0 and holds(answer.out, 255)


def evaluated(dlh, name: str, **changes) -> str:
    path = save(f"{name}.npz", **changes)
    assert dlh("evaluate", "--predictions", path, *SMALL, "--out", name).status == 0
    return name


def test_scores_of_the_same_clips_are_compared(dlh):
    near = 0.9 * arrays()["truth"][:, None].repeat(SAMPLES, 1)
    one, two = evaluated(dlh, "one"), evaluated(dlh, "two", samples=near)
    bad = evaluated(dlh, "bad", samples=1 - near)
    answer = dlh("compare", one, f"{two}/scores.json", bad, "--out", "all")
    assert (answer.status, answer.err) == (0, "")
    lines = answer.out.splitlines()
    assert sum(line.startswith("| floor: black frame") for line in lines) == 1
    rows = {line.split(" | ")[0]: line for line in lines}
    assert "below a floor" not in rows["| two/scores.json"]
    assert "below a floor" in rows["| bad"].split(" | ")[1]
    below = "bad: PSNR: the model's best is below last frame, another clip and best of other clips"
    assert below in answer.out
    assert "one: PSNR: the model's best is above all floors, its mean is below last frame." in lines
    assert Path("all/compare.md").read_text().strip() in answer.out


def test_a_floor_that_differs_names_whose_it_is(dlh):
    scores = scores_in(evaluated(dlh, "one"))
    for name, like in (("a.json", "black"), ("b.json", "last_frame"), ("c.json", "black")):
        scores["rows"]["mean_frame"] = scores["rows"][like]
        Path(name).write_text(json.dumps(scores))
    answer = dlh("compare", "a.json", "b.json", "c.json")
    assert answer.status == 0, answer.err
    titles = [line.strip("| ").split(" | ")[0] for line in answer.out.splitlines()]
    assert "floor: mean frame (a.json, c.json)" in titles
    assert "floor: mean frame (b.json)" in titles and "floor: black frame" in titles
    answer = dlh("compare", "a.json", "c.json")
    assert any(line.startswith("| floor: mean frame |") for line in answer.out.splitlines())


def test_scores_that_differ_in_how_they_came_about_are_refused(dlh):
    one = evaluated(dlh, "one")
    content = arrays()
    for name, changes, said in (
        ("fewer", {"samples": content["samples"][:, :2]}, "samples: 4 and 2"),
        ("blind", {"context": None}, "frames observed: 2 and not given"),
        ("other", {"truth": arrays(7)["truth"]}, "clips: SHA-256 of their frames"),
        (
            "short",
            {"samples": content["samples"][:, :, :4], "truth": content["truth"][:, :4]},
            "frames predicted: 5 and 4",
        ),
    ):
        other = evaluated(dlh, name, **changes)
        answer = dlh("compare", one, other)
        assert answer.status == 2
        assert answer.names(f"one {name}") and said in answer.line


def test_what_cannot_be_compared_at_all(dlh):
    one = evaluated(dlh, "one")
    assert dlh("compare", one).names("two 1")
    assert dlh("compare", one, "nowhere").names("nowhere")
    for content in ("{}", "[]", "not json"):
        Path("bad.json").write_text(content)
        assert dlh("compare", one, "bad.json").names("bad.json")
    scores = scores_in(one)
    scores["protocol"]["horizons"] = 3
    Path("bad.json").write_text(json.dumps(scores))
    line = dlh("compare", one, "bad.json").line
    assert holds(line, "protocol.horizons", "horizon")
