"""The named data sets: their contents, their origin, and the layout of their files.

A fact that is not known (a licence, the checksum of a file) is given as unknown, or None.
"""

from __future__ import annotations

import re

from dlh.data.fetch.remote import Remote
from dlh.data.published import kth
from dlh.data.published.data_set import DataSet, Layout, Part
from dlh.data.published.first_channel import open_first_channel
from dlh.data.published.gqn_records import open_gqn_records

MOVING_BALL = "moving-ball"
TWO_CLOCKS = "two-clocks"
BOUNCING_BALL = "bouncing-ball"
MOVING_MNIST = "moving-mnist"
MNIST = "mnist"
MOVING_MNIST_LONG = "moving-mnist-long"
KTH = "kth"
GQN_MAZES = "gqn-mazes"
GQN_MAZES_TFRECORD = "gqn-mazes-tfrecord"
TECO_DMLAB = "teco-dmlab"
VIZDOOM_MAZES = "vizdoom-mazes"

_UNKNOWN = "licence not stated by its authors, as far as is known"
_ONE_IN_TWENTY = 20


def _mnist_files() -> tuple[Remote, ...]:
    files = (  # bytes and SHA-256, as several projects publish them that check their downloads
        (
            "train-images-idx3-ubyte.gz",
            9_912_422,
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        (
            "train-labels-idx1-ubyte.gz",
            28_881,
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        (
            "t10k-images-idx3-ubyte.gz",
            1_648_877,
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        (
            "t10k-labels-idx1-ubyte.gz",
            4_542,
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    )
    mirrors = (
        "https://storage.googleapis.com/cvdf-datasets/mnist",
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        "http://yann.lecun.com/exdb/mnist",
    )
    return tuple(
        Remote(
            file=file,
            mirrors=tuple(f"{mirror}/{file}" for mirror in mirrors),
            sha256=sha256,
            size=size,
        )
        for file, size, sha256 in files
    )


def _kth_file(file: str) -> Remote:
    servers = ("https://www.csc.kth.se", "http://www.nada.kth.se")
    return Remote(file=file, mirrors=tuple(f"{server}/cvap/actions/{file}" for server in servers))


def _archive_org(item: str, name: str, gives: tuple[str, ...]) -> Part:
    file = f"{name}.zip"
    mirrors = (f"https://archive.org/download/{item}/{file}",)  # no other is known
    remote = Remote(file=file, mirrors=mirrors)
    return Part(name=name, remotes=(remote,), archive=True, gives=gives)


def _layout(files: str, *, train: str = "train", test: str = "test") -> Layout:
    """Files in a folder to train on and one for the test, such as ``*.mp4``; those in a folder of
    such files, ``*/*.mp4``, may also lie beside it.
    """
    pattern = re.escape(files).replace(r"\*/", "(?:[^/]+/)?").replace(r"\*", "[^/]+")
    return Layout(
        pattern=rf"(?:.*/)?(?P<name>(?P<part>{train}|{test})/{pattern})",
        files=f"{train}/{files} and {test}/{files}",
        parts={train: "train", test: "test"},
        held_back=_ONE_IN_TWENTY,
        rule=f"{train} trains, {test} tests; of the files for training, one in {_ONE_IN_TWENTY} "
        f"(CRC-32 of its name divisible by {_ONE_IN_TWENTY}) is for validation, a cut of our own",
    )


def _gqn_records(part: str, files: int) -> Part:
    digits = len(str(files))
    names = [f"{number:0{digits}}-of-{files:0{digits}}.tfrecord" for number in range(1, files + 1)]
    bucket = "https://storage.googleapis.com/gqn-dataset/mazes"
    return Part(
        name=part,
        remotes=tuple(Remote(file=name, mirrors=(f"{bucket}/{part}/{name}",)) for name in names),
        archive=False,
        gives=(f"{part}/",),
    )


_GQN_PAPER = (
    "Eslami et al., Neural scene representation and rendering, Science 360 (2018); films: Saxena, "
    "Ba and Hafner, Clockwork Variational Autoencoders, NeurIPS 2021"
)

_ALL = (
    DataSet(
        name=MOVING_BALL,
        what="a ball that changes its colour when it bounces",
        kind="generated",
        size="no files",
        licence="licence of this package",
        origin="generated while a model trains",
        citation="Zakharov, Guo and Fountas, arXiv 2212.14376",
        channels=3,
    ),
    DataSet(
        name=TWO_CLOCKS,
        what="a ball that changes colour, in a room that changes more slowly",
        kind="generated",
        size="no files",
        licence="licence of this package",
        origin="generated while a model trains",
        citation="this package; the ball is that of Zakharov, Guo and Fountas, arXiv 2212.14376",
        channels=3,
    ),
    DataSet(
        name=BOUNCING_BALL,
        what="a ball whose colour is that of six changes ago",
        kind="generated",
        size="no files",
        licence="licence of this package",
        origin="generated while a model trains",
        citation="SUNTA, arXiv 2607.02087 (the idea; what it leaves open is chosen here)",
        channels=3,
    ),
    DataSet(
        name=MOVING_MNIST,
        what="two digits that fly and are reflected",
        kind="generated",
        size="no files",
        licence="licence of this package; the digits have their own",
        origin="generated while a model trains, from the digits that --data.digits names",
        citation="Srivastava, Mansimov and Salakhutdinov, ICML 2015 (the idea; this is a "
        "generator of its own)",
        channels=1,
    ),
    DataSet(
        name=MNIST,
        what="the digits themselves, for --data.digits mnist",
        kind="digits",
        size="11.6 MB",
        licence=_UNKNOWN,
        origin="the four files of Yann LeCun's page, from its mirrors",
        citation="LeCun, Bottou, Bengio and Haffner, Proc. IEEE 86 (1998)",
        channels=1,
        parts=(Part(name="", remotes=_mnist_files(), archive=False, gives=()),),
    ),
    DataSet(
        name=MOVING_MNIST_LONG,
        what="the long-horizon Moving MNIST files, two digits",
        kind="videos",
        size="about 20,000 videos of 100 frames, longer ones for the test",
        licence=_UNKNOWN,
        origin="moving_mnist_2digit.zip of the item moving_mnist at archive.org",
        citation="Saxena, Ba and Hafner, Clockwork Variational Autoencoders, NeurIPS 2021",
        channels=1,
        parts=(
            _archive_org("moving_mnist", "moving_mnist_2digit", ("train-seq100/", "test-seq1000/")),
        ),
        layout=_layout("*.mp4", train="train-seq100", test="test-seq1000"),
        opener=open_first_channel,
    ),
    DataSet(
        name=KTH,
        what="KTH Action: people who walk, run, box, ...",
        kind="videos",
        size="599 videos of 160 x 120 in six zip files",
        licence="for non-commercial use, as its page is quoted",
        origin="https://www.csc.kth.se/cvap/actions/",
        citation="Schuldt, Laptev and Caputo, Recognizing human actions: a local SVM approach, "
        "ICPR 2004",
        channels=1,
        parts=tuple(
            Part(
                name=action,
                remotes=(_kth_file(f"{action}.zip"),),
                archive=True,
                gives=(f"_{action}_",),
            )
            for action in kth.ACTIONS
        ),
        also=(_kth_file(kth.SEQUENCES),),
        layout=kth.LAYOUT,
    ),
    DataSet(
        name=GQN_MAZES,
        what="walks through DeepMind Lab mazes, 64 x 64 films",
        kind="videos",
        size="videos of 300 frames; how many bytes is not known here",
        licence=_UNKNOWN,
        origin="gqn_mazes.zip of the item gqn_mazes at archive.org",
        citation=_GQN_PAPER,
        channels=3,
        parts=(_archive_org("gqn_mazes", "gqn_mazes", ("train/", "test/")),),
        layout=_layout("*.mp4"),
    ),
    DataSet(
        name=GQN_MAZES_TFRECORD,
        what="the same mazes as first published, 84 x 84 JPEG",
        kind="videos",
        size="1,200 files; how many bytes is not known here",
        licence="licence not stated for the data (the reader beside it is Apache 2.0)",
        origin="gs://gqn-dataset/mazes, see github.com/google-deepmind/gqn-datasets",
        citation="Eslami et al., Neural scene representation and rendering, Science 360 (2018)",
        channels=3,
        parts=(_gqn_records("train", 1080), _gqn_records("test", 120)),
        layout=_layout("*.tfrecord"),
        opener=open_gqn_records,
        package="google_crc32c",
        extra="tfrecord",
    ),
    DataSet(
        name=TECO_DMLAB,
        what="TECO's DeepMind Lab videos; not the GQN mazes",
        kind="videos",
        size="about 57 GB, 40,000 videos of 300 frames, as its users say",
        licence=_UNKNOWN,
        origin="dmlab.tar in three pieces at archive.org",
        citation="Yan, Hafner, James and Abbeel, Temporally consistent transformers for video "
        "generation, ICML 2023",
        channels=3,
        layout=_layout("*/*.npz"),
        by_hand="it is not fetched for you: get dmlab.tar.partaa, .partab and .partac from the "
        "items dmlab_dataset_aa, _ab and _ac of archive.org, and unpack them there with "
        "`cat dmlab.tar.part* | tar x`",
    ),
    DataSet(
        name=VIZDOOM_MAZES,
        what="walks through random mazes, drawn by ViZDoom",
        kind="made",
        size="1,000 videos of 300 frames, 3.7 GB at 64 x 64",
        licence="ViZDoom is MIT, Freedoom's pictures are BSD",
        origin="made on this machine",
        citation="Wydmuch, Kempka and Jaskowski, ViZDoom competitions, IEEE ToG 2018 (the engine)",
        channels=3,
        package="vizdoom",
        extra="mazes",
    ),
)

CATALOGUE: dict[str, DataSet] = {data_set.name: data_set for data_set in _ALL}
