"""Networks: shapes in, shapes out. They know nothing of levels, events or bounds."""

from dlh.networks.compiled import compile_whole, require_compiler
from dlh.networks.convolution import (
    FrameDecoder,
    FrameEncoder,
    decoder_convolutions,
    decoder_seed_shape,
    encoded_shape,
    encoder_convolutions,
    frames_at_once,
    in_parts,
)
from dlh.networks.perceptron import ACTIVATIONS, ConditionalGaussian, perceptron
from dlh.networks.recorded import recorded
from dlh.networks.recurrent import Recurrence, gated, latest
from dlh.networks.transposed import DoublingConvolution

__all__ = [
    "ACTIVATIONS",
    "ConditionalGaussian",
    "DoublingConvolution",
    "FrameDecoder",
    "FrameEncoder",
    "Recurrence",
    "compile_whole",
    "decoder_convolutions",
    "decoder_seed_shape",
    "encoded_shape",
    "encoder_convolutions",
    "frames_at_once",
    "gated",
    "in_parts",
    "latest",
    "perceptron",
    "recorded",
    "require_compiler",
]
