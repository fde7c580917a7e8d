"""How the files of published data sets are found, named and split."""

from __future__ import annotations

from dataclasses import replace

import pytest

from data.refusals import refused
from dlh.data.published import kth
from dlh.data.published.catalogue import CATALOGUE
from dlh.data.published.data_set import Layout
from dlh.data.store.store import StoredVideo


def layout(name: str) -> Layout:
    found = CATALOGUE[name].layout
    assert found is not None
    return found


def put(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def test_files_have_the_same_names_wherever_they_were_unpacked(tmp_path):
    names = ["train/1.mp4", "train/2.mp4", "train/10.mp4", "test/1.mp4"]
    for place in ("", "gqn_mazes", "a/b/gqn_mazes"):
        folder = tmp_path / f"in {place.replace('/', '-')}"
        put(folder / place, *names, "notes.txt", ".hidden/train/3.mp4")
        found = layout("gqn-mazes").find(folder)
        assert [s.name for s in found.sources] == ["test/1.mp4", *names[:3]]
        assert found.others == {".txt": 1} and not found.skipped
        assert all(source.path.read_text() == source.name for source in found.sources)


def test_a_name_that_is_there_twice_is_taken_once_and_said(tmp_path):
    put(tmp_path, "a/train/1.mp4", "b/train/1.mp4", "b/test/1.mp4")
    found = layout("gqn-mazes").find(tmp_path)
    used = [tmp_path / "b/test/1.mp4", tmp_path / "a/train/1.mp4"]
    assert [source.path for source in found.sources] == used
    (skipped,) = found.skipped
    assert skipped.source == f"{tmp_path.name}/b/train/1.mp4" and "a/train/1.mp4" in skipped.reason


def test_a_store_in_the_folder_holds_no_files_of_the_set(tmp_path):
    put(tmp_path, "train/1.mp4", "store/train/2.mp4")
    (tmp_path / "store/index.json").write_text('{"format": "dlh-clips"}')
    found = layout("gqn-mazes").find(tmp_path)
    assert [source.name for source in found.sources] == ["train/1.mp4"] and not found.skipped


def test_a_folder_that_is_not_there_holds_nothing(tmp_path):
    assert not layout("kth").find(tmp_path / "nowhere").sources


@pytest.mark.parametrize(
    "name, path, split",
    [
        ("moving-mnist-long", "train-seq100/7.mp4", "train"),
        ("moving-mnist-long", "test-seq1000/7.mp4", "test"),
        ("gqn-mazes-tfrecord", "test/001-of-120.tfrecord", "test"),
        ("teco-dmlab", "test/3/7.npz", "test"),
    ],
)
def test_published_splits_are_kept(name, path, split):
    assert layout(name).split_of(path) == split


def test_one_training_file_in_twenty_is_held_back_by_its_name_alone():
    rule = layout("gqn-mazes")
    names = [f"train/{number}.mp4" for number in range(4000)]
    splits = rule.give(names)
    held = [name for name in names if splits[name] == "validation"]
    assert 150 < len(held) < 250 and set(splits.values()) == {"train", "validation"}
    assert rule.give(held[:1]) == {held[0]: "validation"}  # whichever others there are
    assert set(rule.without_validation().give(names).values()) == {"train"}
    assert rule.without_validation().settings() != rule.settings()


def test_kth_is_split_by_persons():
    rule = layout("kth")
    split = {p: rule.split_of(f"person{p:02}_boxing_d1_uncomp.avi") for p in range(1, 26)}
    assert [p for p in split if split[p] == "test"] == [21, 22, 23, 24, 25]
    assert [p for p in split if split[p] == "validation"] == [19, 20]
    whole = rule.without_validation()
    assert whole.split_of("person19_boxing_d1_uncomp.avi") == "train"
    assert whole.split_of("person21_boxing_d1_uncomp.avi") == "test"


def test_the_599_videos_of_kth_are_found_by_their_names(tmp_path):
    names = kth.expected()
    assert len(names) == len(set(names)) == 599
    put(tmp_path, *names[::50], "walking/person99_walking_d1_uncomp.avi", "person1_boxing.avi")
    found = layout("kth").find(tmp_path)
    assert {source.name for source in found.sources} == set(names[::50])
    assert found.others == {".avi": 2}


def video(source: str, length: int) -> StoredVideo:
    return StoredVideo(
        source=source, split="train", shard=0, offset=0, length=length, fps=25.0, sha256="0" * 64,
        crc32="0" * 8, source_size=(160, 120),
    )  # fmt: skip


def test_the_frame_ranges_of_kth_say_which_videos_are_cut_off(tmp_path):
    path = tmp_path / kth.SEQUENCES
    path.write_text(
        "Training: person11, 12\n\nperson01_boxing_d1\t\tframes\t1-95, 96-185, 186-245, 246-360\n"
        "person01_boxing_d2   frames   1-106, 107-195\nperson02_boxing_d1 *missing*\n"
    )
    last = kth.read_sequences(path)
    first, second = "person01_boxing_d1_uncomp.avi", "person01_boxing_d2_uncomp.avi"
    assert last == {first: 360, second: 195}
    assert kth.too_short([video(first, 359), video(second, 195)], last) == [first]
    path.write_text("<html>moved</html>")
    with refused(path):
        kth.read_sequences(path)


def test_every_data_set_says_what_it_is_and_where_it_comes_from():
    for name, data_set in CATALOGUE.items():
        assert data_set.name == name and data_set.channels in (1, 3)
        for said in (data_set.what, data_set.size, data_set.licence, data_set.origin):
            assert said and "\n" not in said
        assert (data_set.layout is not None) == (data_set.kind == "videos")
        remotes = [remote for part in data_set.parts for remote in part.remotes]
        if data_set.kind == "videos":
            assert remotes or data_set.by_hand
        for remote in remotes:
            assert all(url.endswith(f"/{remote.file}") for url in remote.mirrors)
            assert remote.mirrors
    mnist = [remote for part in CATALOGUE["mnist"].parts for remote in part.remotes]
    assert sum(remote.size or 0 for remote in mnist) == 11_594_722
    assert all(remote.sha256 and len(remote.mirrors) > 1 for remote in mnist)
    records = CATALOGUE["gqn-mazes-tfrecord"].parts
    assert [len(part.remotes) for part in records] == [1080, 120]
    assert records[0].remotes[0].file == "0001-of-1080.tfrecord"
    assert replace(CATALOGUE["kth"]) == CATALOGUE["kth"]
