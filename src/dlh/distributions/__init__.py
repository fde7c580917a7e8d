"""Distributions as frozen values with verbs, and the noise that they take (Eqs. 2-4, 9, 34)."""

from dlh.distributions.gaussian import Gaussian, frame_log_prob
from dlh.distributions.noise import normal, uniform
from dlh.distributions.temporal import (
    bernoulli_kl,
    bernoulli_surprisal,
    change_posterior,
    choose,
    mixture_kl,
    nest,
    reach,
)
from dlh.distributions.tensors import Tensors, each

__all__ = [
    "Gaussian",
    "Tensors",
    "bernoulli_kl",
    "bernoulli_surprisal",
    "change_posterior",
    "choose",
    "each",
    "frame_log_prob",
    "mixture_kl",
    "nest",
    "normal",
    "reach",
    "uniform",
]
