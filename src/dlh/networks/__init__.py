"""Networks: shapes in, shapes out. They know nothing of levels, events or bounds."""

from dlh.networks.compiled import compile_whole, require_compiler
from dlh.networks.convolution import FrameDecoder, FrameEncoder
from dlh.networks.perceptron import ACTIVATIONS, ConditionalGaussian, perceptron
from dlh.networks.recorded import recorded
from dlh.networks.recurrent import Recurrence, gated, latest

__all__ = [
    "ACTIVATIONS",
    "ConditionalGaussian",
    "FrameDecoder",
    "FrameEncoder",
    "Recurrence",
    "compile_whole",
    "gated",
    "latest",
    "perceptron",
    "recorded",
    "require_compiler",
]
