"""How weights start: as Keras has them."""

from __future__ import annotations

from torch import nn

from dlh.networks import Recurrence


def start_as_keras(module: nn.Module) -> None:
    """Glorot uniform, a GRU's state matrix orthogonal, biases 0; for ``module.apply``.

    A GRU's matrices each start as one, not gate by gate.
    """
    if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, Recurrence):
        nn.init.xavier_uniform_(module.weight_ih_l0)
        nn.init.orthogonal_(module.weight_hh_l0)
        nn.init.zeros_(module.bias_ih_l0)
        nn.init.zeros_(module.bias_hh_l0)
