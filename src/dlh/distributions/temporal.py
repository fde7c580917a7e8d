"""The two-component temporal prior and the choice between its components (Eqs. 2-5, 9, 34).

At every step a level's state comes from one of two components: the *change* component p(s | e=1), a
learnt transition, or the *static* component p(s | e=0), which is the belief that the level held
before. The change indicator e says which.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

Nats = Float[Tensor, "..."]


def choose(change_divergence: Nats, static_divergence: Nats) -> Bool[Tensor, "..."]:
    """Eqs. 4, 20, 21: e = 1 where KL[q || p(s|e=1)] <= KL[q || p(s|e=0)], both in nats.

    Under equal prior odds this is the arg max of the exact posterior over e (Eq. 34).
    """
    return change_divergence <= static_divergence


def nest(tests: Bool[Tensor, "... levels"], nesting: bool = True) -> Bool[Tensor, "... levels"]:
    """Eq. 5, bottom-up: e^1 = 1, e^n = e^{n-1} and test^n; unnested (Sec. 2.3), e^n = test^n."""
    changed = tests.clone()
    changed[..., 0] = True
    return torch.cumprod(changed, dim=-1).bool() if nesting else changed


def reach(changed: Bool[Tensor, "... levels"], nesting: bool = True) -> Bool[Tensor, "... levels"]:
    """Eq. 5: where e^{n-1} = 1, so that level n is inferred; level 1 always is."""
    reachable = torch.ones_like(changed)
    if nesting:
        reachable[..., 1:] = changed[..., :-1]
    return reachable


def mixture_kl(change_probability: Nats, change_divergence: Nats, static_divergence: Nats) -> Nats:
    """Eq. 9: q(e=1) KL[q || p(s|e=1)] + q(e=0) KL[q || p(s|e=0)], nats."""
    return change_probability * change_divergence + (1 - change_probability) * static_divergence


def change_posterior(change_divergence: Nats, static_divergence: Nats, prior_logit: Nats) -> Nats:
    """Eq. 34, the VaDE estimate of q(e=1): sigmoid(KL_static - KL_change + logit p(e=1))."""
    return torch.sigmoid(static_divergence - change_divergence + prior_logit)


def bernoulli_surprisal(event: Bool[Tensor, "..."], logit: Nats) -> Nats:
    """-log p(e) of a decided event under p(e=1) = sigmoid(logit), nats (Eq. 8c)."""
    return softplus(torch.where(event, -logit, logit))


def bernoulli_kl(probability: Nats, logit: Nats) -> Nats:
    """KL[Bernoulli(probability) || Bernoulli(sigmoid(logit))], nats (Eq. 8c, e undecided)."""
    negative_entropy = torch.special.xlogy(probability, probability) + torch.special.xlogy(
        1 - probability, 1 - probability
    )
    cross_entropy = -probability * logsigmoid(logit) - (1 - probability) * logsigmoid(-logit)
    return negative_entropy + cross_entropy
