"""Distributions as frozen values with verbs; no networks (Eqs. 2-4, 9, 34)."""

from dlh.distributions.gaussian import Gaussian
from dlh.distributions.temporal import (
    bernoulli_kl,
    bernoulli_surprisal,
    change_posterior,
    choose,
    mixture_kl,
    nest,
    reach,
)

__all__ = [
    "Gaussian",
    "bernoulli_kl",
    "bernoulli_surprisal",
    "change_posterior",
    "choose",
    "mixture_kl",
    "nest",
    "reach",
]
