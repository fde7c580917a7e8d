"""The equations of the paper, one frame, one level and one term at a time: slow on purpose.

The tests hold ``dlh.models.dlh`` against this file, and ``benchmarks/step.py`` times the two side
by side. It borrows the parameters of a model, and the networks that own them, and nothing else:
control flow, masks, decisions, divergences and what is carried from step to step are written here
from the equations, in their order.

Lists over levels start at the pixels, ``levels[0]`` is n = 1, and every tensor has the batch axis
first.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from dlh.models.dlh import DynamicLatentHierarchy, Noise


@dataclass
class Past:
    """What the levels hold between two steps, lists over levels; None stands for no step yet."""

    s: list[Tensor]
    b: list[Independent]
    d: list[Tensor]
    c: list[Tensor]
    e: list[Tensor]
    factor: list[Tensor]


@dataclass
class Step:
    """All that is known about one observed step, lists over levels; the bound's terms in nats."""

    s: list[Tensor]
    q: list[Independent]
    p: list[Independent]
    b_before: list[Independent] | None
    d: list[Tensor]
    c: list[Tensor]
    e: list[Tensor]
    reachable: list[Tensor]
    q_of_change: list[Tensor | None]
    kl_to_change: list[Tensor | None]
    kl_to_static: list[Tensor | None]
    logit: list[Tensor | None]
    frame_mean: Tensor
    log_likelihood: Tensor
    state_kl: list[Tensor]
    event_kl: list[Tensor]


@dataclass
class Terms:
    """The bound's terms over a video: (batch, time), and of the levels (batch, time, levels)."""

    reconstruction: Tensor
    state_kl: Tensor
    event_kl: Tensor
    changed: Tensor

    @property
    def loss(self) -> Tensor:
        """Nats per frame at beta = 1, mean over the batch."""
        per_clip = (
            self.state_kl.sum((1, 2)) + self.event_kl.sum((1, 2)) - self.reconstruction.sum(1)
        )
        return (per_clip / self.reconstruction.shape[1]).mean()


def normal(gaussian) -> Independent:
    """A network's mean and standard deviation as torch's own distribution."""
    return Independent(Normal(gaussian.mean, gaussian.std, validate_args=False), 1)


def either(mask: Tensor, yes: Independent, no: Independent) -> Independent:
    """``yes`` for the sequences in ``mask``, ``no`` for the others."""
    rows = mask[:, None]
    return Independent(
        Normal(
            torch.where(rows, yes.mean, no.mean),
            torch.where(rows, yes.stddev, no.stddev),
            validate_args=False,
        ),
        1,
    )


def frozen(distribution: Independent) -> Independent:
    """The same distribution, without a gradient."""
    return Independent(
        Normal(distribution.mean.detach(), distribution.stddev.detach(), validate_args=False), 1
    )


def nothing_yet(model: DynamicLatentHierarchy, like: Tensor) -> Past:
    """Before t = 1: d_1 = 0. The rest is never used, because every level changes at t = 1."""
    config, batch, levels = model.config, len(like), range(model.config.num_levels)
    state = like.new_zeros(batch, config.state_size)
    unused = Independent(Normal(state, state + 1, validate_args=False), 1)
    return Past(
        s=[state for _ in levels],
        b=[unused for _ in levels],
        d=[like.new_zeros(batch, config.memory_size) for _ in levels],
        c=[like.new_zeros(batch, config.context_size) for _ in levels],
        e=[torch.zeros(batch, dtype=torch.bool) for _ in levels],
        factor=[like.new_zeros(batch, config.factor_size) for _ in levels],
    )


def remembered(config, level, state, memory, changed):
    """Eq. 12, by the configuration's way to remember."""
    if config.memory == "none":
        return memory
    moved = level.transition.step(state, memory)
    return torch.where(changed[:, None], moved, memory) if config.memory == "held" else moved


def tick_prior_factors(
    model: DynamicLatentHierarchy, past: Past
) -> tuple[list[Tensor | None], list[Tensor]]:
    """Eq. 15: the logit of p(e_t^n = 1) for n >= 2, by a GRU that ticks at every step."""
    logits: list[Tensor | None] = [None]
    hidden = [past.factor[0]]
    for n in range(1, model.config.num_levels):
        inputs = [past.d[n]]
        if model.config.factor_input == "below":
            inputs.append(past.d[n - 1])
        inputs.append(past.e[n].to(past.d[n].dtype)[:, None])
        logit, state = model.levels[n].change_factor.step(torch.cat(inputs, 1), past.factor[n])
        logits.append(logit)
        hidden.append(state)
    return logits, hidden


def observe_step(
    model: DynamicLatentHierarchy, frame: Tensor, past: Past | None, noise: Tensor, uniform: Tensor
) -> tuple[Step, Past]:
    """One step under evidence: encode, select bottom-up, update top-down, score, decode.

    Args:
        model: whose parameters are used.
        frame: o_t, (batch, channel, height, width).
        past: what the step before left; None at t = 1.
        noise: standard normal, (batch, levels, state).
        uniform: in [0, 1), (batch, levels); only the VaDE estimate draws its decisions.
    """
    config, levels, num_levels = model.config, model.levels, model.config.num_levels
    first = past is None
    if past is None:
        past = nothing_yet(model, frame)
    every_sequence = torch.ones(len(frame), dtype=torch.bool)
    no_context = frame.new_zeros(len(frame), config.context_size)

    # Eq. 10: x^1 = conv(o), x^{n+1} = f_enc^n(x^n).
    x = [model.encoder(frame)]
    for level in levels[:-1]:
        x.append(level.bottom_up(x[-1]))

    logit, factor = tick_prior_factors(model, past)

    # Select (Eqs. 4, 20, 21), n = 2..N, under the context that a level holds (Eq. 25), or under the
    # one it would have if all above it were inferred anew (Eq. 24). No gradient flows through a
    # decision.
    q_of_change: list[Tensor | None] = [None]
    kl_to_change: list[Tensor | None] = [None]
    kl_to_static: list[Tensor | None] = [None]
    e = [every_sequence]
    with torch.no_grad():
        c_selection = list(past.c)
        if config.selection_context == "full":
            c_selection[-1] = no_context
            for n in reversed(range(1, num_levels)):
                s = normal(levels[n].posterior(x[n], c_selection[n]))
                c_selection[n - 1] = levels[n].top_down(
                    s.mean + s.stddev * noise[:, n], c_selection[n]
                )
        for n in range(1, num_levels):
            q = normal(levels[n].posterior(x[n], c_selection[n]))
            p = normal(levels[n].change_prior(past.d[n], c_selection[n]))
            to_change, to_static = kl_divergence(q, p), kl_divergence(q, past.b[n])
            if config.decision == "vade":  # Eq. 34, written for e = 0 as in the paper
                q_of_static = torch.sigmoid(to_change - to_static - logit[n])
                probability = 1 - q_of_static
                test = uniform[:, n] < probability
            else:
                test = to_change <= to_static
                probability = test.to(frame.dtype)
            if first:  # e_1^n = 1 for all n
                test, probability = every_sequence, torch.ones_like(probability)
            e.append(e[n - 1] & test if config.nesting else test)  # Eq. 5
            q_of_change.append(probability)
            kl_to_change.append(to_change)
            kl_to_static.append(to_static)

    # Update, n = N..1: a level is reachable where the one below changes.
    reachable = [every_sequence]
    for n in range(1, num_levels):
        reachable.append(e[n - 1] if config.nesting else every_sequence)
    s, b, c, d_next = list(past.s), list(past.b), list(past.c), list(past.d)
    c[-1] = no_context
    frame_context = None
    for n in reversed(range(num_levels)):
        posterior = normal(levels[n].posterior(x[n], c[n]))  # Eq. 13
        sample = posterior.mean + posterior.stddev * noise[:, n]
        s[n] = torch.where(reachable[n][:, None], sample, past.s[n])
        b[n] = either(reachable[n], posterior, past.b[n])
        below = levels[n].top_down(s[n], c[n])  # Eq. 11
        if n:
            c[n - 1] = below
        else:
            frame_context = below
        d_next[n] = remembered(config, levels[n], s[n], past.d[n], e[n])  # Eq. 12

    # Score.
    p, state_kl, event_kl = [], [], []
    for n in range(num_levels):
        p.append(normal(levels[n].change_prior(past.d[n], c[n])))  # Eq. 14
        divergence = kl_divergence(b[n], p[n])
        if not first:
            static_prior = past.b[n] if config.static_prior_gradient else frozen(past.b[n])
            to_static = kl_divergence(b[n], static_prior)
            if config.decision == "vade" and n:  # Eq. 9
                weight = q_of_change[n]
                divergence = weight * divergence + (1 - weight) * to_static
            else:  # Eq. 8b
                divergence = torch.where(e[n], divergence, to_static)
        state_kl.append(torch.where(reachable[n], divergence, torch.zeros_like(divergence)))

        surprise = torch.zeros_like(divergence)
        if n and not first:  # Eq. 8c
            prior = Bernoulli(logits=logit[n], validate_args=False)
            if config.decision == "vade":
                surprise = kl_divergence(
                    Bernoulli(probs=q_of_change[n], validate_args=False), prior
                )
            else:
                surprise = -prior.log_prob(e[n].to(frame.dtype))
            surprise = torch.where(reachable[n], surprise, torch.zeros_like(surprise))
        event_kl.append(surprise)

    # Decode (Eq. 8a).
    mean = model.decoder(frame_context)
    log_likelihood = (
        Normal(mean, config.likelihood_std, validate_args=False).log_prob(frame).sum((1, 2, 3))
    )
    step = Step(
        s=s, q=b, p=p, b_before=None if first else past.b, d=past.d, c=c, e=e, reachable=reachable,
        q_of_change=q_of_change, kl_to_change=kl_to_change, kl_to_static=kl_to_static, logit=logit,
        frame_mean=mean, log_likelihood=log_likelihood, state_kl=state_kl, event_kl=event_kl,
    )  # fmt: skip
    return step, Past(s=s, b=b, d=d_next, c=c, e=e, factor=factor)


def observe(
    model: DynamicLatentHierarchy, video: Tensor, noise: Noise, past: Past | None = None
) -> tuple[list[Step], Past]:
    """Every step of a video (batch, time, channel, height, width), and what the last one leaves."""
    steps = []
    for t in range(video.shape[1]):
        step, past = observe_step(model, video[:, t], past, noise.normal[:, t], noise.uniform[:, t])
        steps.append(step)
    return steps, past


def objective(model: DynamicLatentHierarchy, video: Tensor, noise: Noise) -> Terms:
    """Eq. 8, its terms not yet summed."""
    steps, _ = observe(model, video, noise)
    return Terms(
        reconstruction=torch.stack([step.log_likelihood for step in steps], 1),
        state_kl=torch.stack([torch.stack(step.state_kl, 1) for step in steps], 1),
        event_kl=torch.stack([torch.stack(step.event_kl, 1) for step in steps], 1),
        changed=torch.stack([torch.stack(step.e, 1) for step in steps], 1),
    )


@torch.no_grad()
def imagine(
    model: DynamicLatentHierarchy, past: Past | None, noise: Noise
) -> tuple[Tensor, Tensor, Tensor, Past]:
    """The future drawn from the prior, nothing else.

    Returns:
        The frames' means (batch, time, channel, height, width), the decisions (batch, time,
        levels), the states (batch, time, levels, state), and what the last step leaves.
    """
    config, levels, num_levels = model.config, model.levels, model.config.num_levels
    batch, horizon = noise.uniform.shape[:2]
    every_sequence = torch.ones(batch, dtype=torch.bool)
    first = past is None
    if past is None:
        past = nothing_yet(model, noise.normal[:, 0, 0])
    frames, decisions, states = [], [], []
    for t in range(horizon):
        # Bottom-up, all e before any s.
        logit, factor = tick_prior_factors(model, past)
        e = [every_sequence]
        for n in range(1, num_levels):
            drawn = noise.uniform[:, t, n] < Bernoulli(logits=logit[n]).probs
            if first:
                drawn = every_sequence
            e.append(e[n - 1] & drawn if config.nesting else drawn)
        # Top-down.
        s, b, c, d_next = list(past.s), list(past.b), list(past.c), list(past.d)
        c[-1] = torch.zeros_like(c[-1])
        frame_context = None
        for n in reversed(range(num_levels)):
            prior = normal(levels[n].change_prior(past.d[n], c[n]))
            sample = prior.mean + prior.stddev * noise.normal[:, t, n]
            s[n] = torch.where(e[n][:, None], sample, past.s[n])
            b[n] = either(e[n], prior, past.b[n])
            below = levels[n].top_down(s[n], c[n])
            if n:
                c[n - 1] = below
            else:
                frame_context = below
            d_next[n] = remembered(config, levels[n], s[n], past.d[n], e[n])
        frames.append(model.decoder(frame_context))
        decisions.append(torch.stack(e, 1))
        states.append(torch.stack(s, 1))
        past, first = Past(s=s, b=b, d=d_next, c=c, e=e, factor=factor), False
    return torch.stack(frames, 1), torch.stack(decisions, 1), torch.stack(states, 1), past
