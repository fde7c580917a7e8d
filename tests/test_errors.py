from __future__ import annotations

import importlib
import inspect
import pickle
import pkgutil
import re

import dlh
from dlh.errors import DlhError, UsageError
from dlh.training.errors import DamagedCheckpointError, Interrupted, TrainingError


def classes() -> set[type[BaseException]]:
    """Every public exception class of the package that is no warning."""
    modules = [importlib.import_module(m.name) for m in pkgutil.walk_packages(dlh.__path__, "dlh.")]
    return {
        kind
        for module in modules
        for name, kind in vars(module).items()
        if inspect.isclass(kind) and issubclass(kind, BaseException)
        if not issubclass(kind, Warning) and kind.__module__.startswith("dlh.") and name[0] != "_"
    }


def test_every_error_has_one_root_and_a_code_of_its_own():
    errors = classes()
    assert len(errors) > 15
    codes = [kind.code for kind in errors if issubclass(kind, DlhError)]
    assert len(codes) == len(errors) == len(set(codes)), sorted(map(str, errors))
    assert all(re.fullmatch("[a-z]+(-[a-z]+)*", code) for code in codes)


def test_what_was_asked_wrongly_has_another_exit_status_than_what_failed():
    status = {kind: kind.exit_status for kind in classes() if issubclass(kind, DlhError)}
    assert status[UsageError] == 2 and status[Interrupted] == 130
    assert set(status.values()) == {1, 2, 130}
    assert status[DamagedCheckpointError] == status[TrainingError] == 1


def test_a_raise_can_give_a_more_precise_code_which_survives_another_process():
    error = pickle.loads(pickle.dumps(UsageError("no preset 'a'", code="no-such-preset")))
    assert (error.code, str(error)) == ("no-such-preset", "no preset 'a'")
    assert isinstance(error, ValueError) and UsageError.code == "usage"
