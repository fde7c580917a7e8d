"""Videos in array files: every layout comes out pixel by pixel, and what is no video is refused."""

from __future__ import annotations

import sys
import zipfile

import numpy as np
import pytest

from data.refusals import refused
from data.small_store import output
from dlh.data.store.folder import import_folder, open_data
from dlh.data.store.store import Store
from dlh.data.video.arrays import ArrayForm, file_of
from dlh.data.video.decode import VideoWarning, open_clips, open_frames, open_video, read_video
from dlh.data.video.resize import Target

SIZE = {"height": 6, "width": 8, "channels": 3}
RANDOM = np.random.default_rng(0)
COLOUR = RANDOM.integers(0, 256, (7, 6, 8, 3), dtype=np.uint8)
COLOUR[:, 0, 0] = 0
COLOUR[:, 0, 1] = 255
CLIPS = RANDOM.integers(0, 256, (5, 4, 6, 8, 3), dtype=np.uint8)

pytestmark = pytest.mark.filterwarnings("ignore:.*arrays have no frame rate")


def write(path, array, key="video", **others):
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".npz":
        np.savez_compressed(path, **{key: array}, **others)
    else:
        h5py = pytest.importorskip("h5py")
        with h5py.File(path, "w") as file:
            for name, values in ({key: array} | others).items():
                file.create_dataset(name, data=values, compression="gzip" if values.size else None)
    return path


SUFFIXES = [".npy", ".npz", ".h5", ".hdf5"]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "array",
    [COLOUR, COLOUR[..., :1], COLOUR[..., 0], COLOUR[None]],
    ids=["colour", "grey", "flat", "clip"],
)
def test_every_layout_of_one_video(tmp_path, suffix, array):
    path = write(tmp_path / f"a{suffix}", array)
    channels = 3 if array.shape[-1] == 3 else 1
    video, fps = read_video(path, height=6, width=8, channels=channels)
    np.testing.assert_array_equal(video, COLOUR[..., :channels])
    assert video.dtype == np.uint8 and fps == 25
    info = open_video(path, height=16, width=16, channels=1)
    assert (info.source_size, info.expected_frames) == ((8, 6), 7)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, ">f8"])
def test_floats_in_zero_to_one_become_bytes(tmp_path, suffix, dtype):
    path = write(tmp_path / f"a{suffix}", (COLOUR / 255).astype(dtype))
    video, _ = read_video(path, **SIZE)
    np.testing.assert_array_equal(video, COLOUR)


def test_frames_are_resized_and_made_grey_as_those_of_a_video(tmp_path):
    path = write(tmp_path / "a.npy", RANDOM.integers(0, 256, (3, 12, 32, 3), dtype=np.uint8))
    array = np.load(path)
    video, _ = read_video(path, **SIZE)
    np.testing.assert_allclose(
        video, array.reshape(3, 6, 2, 8, 4, 3).mean(axis=(2, 4)), rtol=0, atol=1
    )
    grey, _ = read_video(path, height=12, width=32, channels=1)
    np.testing.assert_allclose(grey[..., 0], array @ [0.299, 0.587, 0.114], rtol=0, atol=1)
    path = write(tmp_path / "grey.npy", array[..., 0])
    colour, _ = read_video(path, height=12, width=32, channels=3)
    np.testing.assert_array_equal(colour, array[..., :1].repeat(3, axis=3))


def test_the_rate_is_assumed_or_given_as_for_pictures(tmp_path):
    path = write(tmp_path / "a.npy", COLOUR)
    with pytest.warns(VideoWarning, match="arrays have no frame rate; 25 a second assumed"):
        assert read_video(path, **SIZE)[1] == 25
    stream = open_frames(path, Target(**SIZE, fps=12))
    assert len(list(stream)) == 7
    assert (stream.fps, stream.notes) == (12, [])
    with refused("found 0"):
        read_video(path, **SIZE, fps=0)


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_the_array_is_the_one_called_video_or_the_only_one(tmp_path, suffix):
    many = write(tmp_path / f"many{suffix}", COLOUR, actions=np.zeros(7), reward=np.zeros(7))
    np.testing.assert_array_equal(read_video(many, **SIZE)[0], COLOUR)
    only = write(tmp_path / f"only{suffix}", COLOUR, key="frames")
    np.testing.assert_array_equal(read_video(only, **SIZE)[0], COLOUR)
    unclear = write(tmp_path / f"unclear{suffix}", COLOUR, key="mine", actions=np.zeros(7))
    with refused(unclear, "2 arrays", "mine", "actions", "'video'"):
        read_video(unclear, **SIZE)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".h5"])
def test_clips_are_videos_of_their_own_and_of_one_split(tmp_path, suffix):
    folder = tmp_path / "data"
    folder.mkdir()
    arrays = {f"{name}{suffix}": CLIPS + number for number, name in enumerate("abcde")}
    for name, array in arrays.items():
        write(folder / name, array)
    import_folder(folder, tmp_path / "store", **SIZE)
    store = Store.open(tmp_path / "store")
    assert {video.source for video in store.videos} == {
        f"{name}#{clip}" for name in arrays for clip in range(5)
    }
    for video in store.videos:
        name, clip = video.source.split("#")
        assert (video.fps, video.source_size) == (25, (8, 6))
        assert len(video.notes) == (clip == "0")
        np.testing.assert_array_equal(store.frames(video), arrays[name][int(clip)])
    splits = {name: {v.split for v in store.videos if file_of(v.source) == name} for name in arrays}
    assert sorted(map(sorted, splits.values())) == [["test"], *[["train"]] * 3, ["validation"]]


def test_one_clip_of_many_can_be_read_alone(tmp_path):
    path = write(tmp_path / "a.npz", CLIPS)
    third = [list(stream) for clip, stream in open_clips(path, Target(**SIZE)) if clip == 3]
    np.testing.assert_array_equal(third, CLIPS[3:4])
    with refused(path, "5 clips"):
        read_video(path, **SIZE)


def test_open_data_takes_an_array_file(tmp_path, monkeypatch):
    monkeypatch.setenv("DLH_CACHE", str(tmp_path / "cache"))
    path = write(tmp_path / "dmlab.npz", CLIPS)
    source = open_data(path, frame_shape=(3, 6, 8), clip_length=4)
    clips = source.batch(0, batch_size=40, clip_length=4, seed=0)
    assert {clip.tobytes() for clip in clips.video} == {clip.tobytes() for clip in CLIPS}


def test_an_import_that_was_interrupted_within_a_file_goes_on(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    write(folder / "a.npz", CLIPS)
    write(folder / "copy.npz", CLIPS)
    (folder / "copy.npz").write_bytes((folder / "a.npz").read_bytes())

    def stop(progress):
        if progress.source == "a.npz#3":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_folder(folder, tmp_path / "store", **SIZE, progress=stop)
    told = []
    report = import_folder(folder, tmp_path / "store", **SIZE, progress=told.append)
    assert {progress.source for progress in told} == {"a.npz#3", "a.npz#4"}
    assert [video.source for video in report.videos] == [f"a.npz#{clip}" for clip in range(5)]
    store = Store.open(tmp_path / "store")
    for video, clip in zip(store.videos, CLIPS, strict=True):
        np.testing.assert_array_equal(store.frames(video), clip)
    (skipped,) = report.skipped
    assert skipped.source == "copy.npz" and "a.npz" in skipped.reason


def test_what_is_no_video_is_listed_and_the_rest_imported(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    write(folder / "good.npy", COLOUR)
    nan = (CLIPS / 255).astype(np.float32)
    nan[2, 1, 0, 0, 0] = np.nan
    write(folder / "nan.npy", nan)
    write(folder / "labels.npy", np.arange(3000))
    write(folder / "one.npz", COLOUR[:1])
    np.savez(folder / "pickle.npz", video=np.array([{}, []], dtype=object))
    report = import_folder(folder, tmp_path / "store", **SIZE)
    good = ["good.npy", *(f"nan.npy#{clip}" for clip in (0, 1, 3, 4))]
    assert [video.source for video in report.videos] == good
    found = {
        **{"labels.npy": "int64", "nan.npy#2": "frame 1 holds NaN"},
        **{"one.npz": "one frame", "pickle.npz": "pickle"},
    }
    assert [skipped.source for skipped in report.skipped] == list(found)
    for skipped in report.skipped:
        assert found[skipped.source] in skipped.reason
        assert "NaN" not in skipped.reason or "--scale" not in skipped.reason


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".h5"])
@pytest.mark.parametrize(
    "array, found",
    [
        (COLOUR.astype(np.uint16), "uint16"),
        (COLOUR > 5, "bool"),
        (COLOUR[0, 0, :, 0], "(8,)"),
        (CLIPS[None], "(1, 5, 4, 6, 8, 3)"),
        (COLOUR[:0], "(0, 6, 8, 3)"),
        (CLIPS[:, :1], "one frame"),
        (COLOUR / 255.0 - 2, "from -2 to -1"),
        (COLOUR.astype(np.float32) + 0.4, "from 0.4 to 255"),
        (COLOUR.repeat(2, axis=3)[..., :4], "[..., :3]"),
        (COLOUR[..., :2], "[..., :1]"),
    ],
)
def test_arrays_that_are_no_videos_say_why(tmp_path, suffix, array, found):
    path = write(tmp_path / f"a{suffix}", np.ascontiguousarray(array))
    with refused(path, found):
        read_video(path, **SIZE)


def huge(path):
    with zipfile.ZipFile(path, "w") as archive, archive.open("video.npy", "w") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (2, 10**6, 10**6, 3)}
        np.lib.format.write_array_header_1_0(file, header)


@pytest.mark.parametrize(
    "name, make, found",
    [
        ("gone.npy", lambda path: None, "No such file"),
        ("a.npy", lambda path: path.touch(), "0 bytes"),
        ("a.npy", lambda path: path.write_bytes(b"\x80\x04]\x94."), "not an array file"),
        ("a.npy", lambda path: path.mkdir(), ".png"),
        ("a.npy", lambda path: np.save(path, np.zeros(4, [("x", np.uint8)])), "('x', 'u1')"),
        ("a.npy", lambda path: np.save(path, np.asfortranarray(COLOUR)), "ascontiguousarray"),
        ("a.npz", huge, "1000000 x 1000000"),
        ("a.npz", lambda path: zipfile.ZipFile(path, "w").close(), "holds no array"),
        ("a.npz", lambda path: path.write_bytes(b"PK\x03\x04" + b"x" * 50), "damaged"),
    ],
)
def test_files_that_cannot_be_read_say_why(tmp_path, name, make, found):
    make(tmp_path / name)
    with refused(tmp_path / name, found):
        read_video(tmp_path / name, **SIZE)


def test_a_file_that_was_cut_off_is_used_up_to_the_damage(tmp_path):
    path = write(tmp_path / "a.npy", COLOUR)
    path.write_bytes(path.read_bytes()[: 128 + 5 * 144 + 10])
    with pytest.warns(VideoWarning, match=r"damaged at frame 5: .* \(the file ends here\)"):
        video, _ = read_video(path, **SIZE)
    np.testing.assert_array_equal(video, COLOUR[:5])
    path.write_bytes(path.read_bytes()[:140])
    with refused(path, "not a single frame"):
        read_video(path, **SIZE)


def test_a_changed_byte_within_an_npz_is_noticed(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, video=COLOUR)
    content = bytearray(path.read_bytes())
    content[content.index(COLOUR[3].tobytes())] ^= 1
    path.write_bytes(content)
    with refused(path, "Bad CRC-32"):
        read_video(path, **SIZE)


def test_a_damaged_hdf5_file_is_said(tmp_path):
    pytest.importorskip("h5py")
    path = write(tmp_path / "a.h5", COLOUR)
    path.write_bytes(path.read_bytes()[:700])
    with refused(path, "damaged"):
        read_video(path, **SIZE)


def test_hdf5_without_its_package_says_what_to_install(tmp_path, monkeypatch):
    path = write(tmp_path / "a.h5", COLOUR)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with refused(path, "dlh[hdf5]", code="missing-extra"):
        read_video(path, **SIZE)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".h5"])
def test_memory_does_not_grow_with_the_length(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    shape = (1500, 128, 128, 3)  # 74 MB
    if suffix == ".h5":
        h5py = pytest.importorskip("h5py")
        with h5py.File(path, "w") as file:
            file.create_dataset("video", shape, np.uint8, chunks=(10, 128, 128, 3))[-1] = 9
    elif suffix == ".npy":
        np.lib.format.open_memmap(path, "w+", np.uint8, shape)[-1] = 9
    else:
        with (
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
            archive.open("video.npy", "w", force_zip64=True) as file,
        ):
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            for number in range(1500):
                file.write(bytes([9 * (number == 1499)]) * (128 * 128 * 3))
    code = """
import resource
from dlh.data.video.decode import open_video
frames = iter(open_video(sys.argv[1], height=8, width=8, channels=3))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
last = [frame.max() for frame in frames][-1]
print(last, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    last, megabytes = map(int, output(code, path).split())
    assert last == 9 and megabytes < 45


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("array", [COLOUR, COLOUR[..., :1]])
def test_channels_before_the_height_are_recognised_and_said(tmp_path, suffix, array):
    path = write(tmp_path / f"a{suffix}", np.moveaxis(array, -1, 1))
    with pytest.warns(VideoWarning, match="channel, height, width"):
        video, _ = read_video(path, **SIZE, fps=25)
    np.testing.assert_array_equal(video, np.broadcast_to(array, COLOUR.shape))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("first", [True, False])
def test_clips_of_other_axes_are_recognised_too(tmp_path, suffix, first):
    array = np.moveaxis(CLIPS, -1, 2) if first else CLIPS[..., 0]
    found = [
        [frame.copy() for frame in stream]
        for _, stream in open_clips(write(tmp_path / f"a{suffix}", array), Target(**SIZE, fps=5))
    ]
    expected = CLIPS if first else CLIPS[..., :1].repeat(3, -1)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("key", ["obs", "image", "episode/observations"])
def test_frames_beside_actions_are_found_by_their_name(tmp_path, key):
    suffix = ".h5" if "/" in key else ".npz"
    path = write(tmp_path / f"a{suffix}", COLOUR, key=key, action=np.zeros((7, 2)))
    np.testing.assert_array_equal(read_video(path, **SIZE, fps=25)[0], COLOUR)


def test_floats_of_bytes_are_recognised_and_said(tmp_path):
    path = write(tmp_path / "a.npy", COLOUR.astype(np.float32))
    with pytest.warns(VideoWarning, match="floats from 0 to 255"):
        video, _ = read_video(path, **SIZE, fps=25)
    np.testing.assert_array_equal(video, COLOUR)
    uneven = write(tmp_path / "b.npy", COLOUR.astype(np.float32) / 100)
    with refused(uneven):  # neither of [0, 1] nor of bytes
        read_video(uneven, **SIZE)


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_a_key_names_the_array_and_a_choice_is_said(tmp_path, suffix):
    others = {"wrist": COLOUR[::-1], "action": np.zeros((7, 2))}
    path = write(tmp_path / f"a{suffix}", COLOUR, "obs", **others)
    recognised = open_frames(path, Target(**SIZE, fps=5))
    assert np.array_equal(list(recognised), COLOUR)
    assert any("obs" in note and "wrist" in note for note in recognised.notes)
    named = open_frames(path, Target(**SIZE, fps=5), ArrayForm(key="wrist"))
    assert np.array_equal(list(named), COLOUR[::-1]) and not named.notes
    with refused(path, "'left'", "wrist", code="no-key"):
        open_frames(path, Target(**SIZE), ArrayForm(key="left"))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_layout_that_is_said_replaces_the_guess(tmp_path, suffix):
    clips = RANDOM.integers(0, 256, (3, 4, 6, 8), dtype=np.uint8)  # also 3 frames of 4 channels
    path = write(tmp_path / f"a{suffix}", clips)
    found = [list(f) for _, f in open_clips(path, Target(**SIZE), ArrayForm(layout="nthw"))]
    assert np.array_equal(np.array(found)[..., 0], clips)
    first = write(tmp_path / f"b{suffix}", np.moveaxis(COLOUR, -1, 1))
    read = open_frames(first, Target(**SIZE, fps=5), ArrayForm(layout="tchw"))
    assert np.array_equal(list(read), COLOUR)
    for layout, values in (("nthwc", (5,)), ("tchw", (4,)), ("thwc", (8,))):
        with refused(path, *values, layout):
            open_frames(path, Target(**SIZE), ArrayForm(layout=layout))
    with refused("'hwt'"):
        ArrayForm(layout="hwt")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_scale_is_the_value_of_white(tmp_path, suffix):
    deep = COLOUR.astype(np.uint16) * 257
    path = write(tmp_path / f"a{suffix}", deep)
    with refused(path, "uint16"):
        open_frames(path, Target(**SIZE))
    read = open_frames(path, Target(**SIZE, fps=5), ArrayForm(scale=65535))
    assert np.array_equal(list(read), COLOUR)
    with refused(1000):
        list(open_frames(path, Target(**SIZE, fps=5), ArrayForm(scale=1000)))
    dark = write(tmp_path / f"b{suffix}", (COLOUR // 200).astype(np.float32))  # 0 and 1: as bytes?
    bytes_ = list(open_frames(dark, Target(**SIZE, fps=5), ArrayForm(scale=255)))
    assert np.array_equal(bytes_, COLOUR // 200)
    for scale in (0, -1, float("nan")):
        with refused(scale):
            ArrayForm(scale=scale)
