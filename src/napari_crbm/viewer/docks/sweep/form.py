"""The form of the *Sweep* dock: the values to try and how to train."""

from __future__ import annotations

from napari_crbm.analysis import Sweep
from napari_crbm.declarations import Declared, Setting, declaration
from napari_crbm.errors import ModelError
from napari_crbm.model import Settings
from napari_crbm.viewer.jobs.sweep import SweepSession
from napari_crbm.viewer.parts.forms import Form

_N_UPDATES = 1500


def _values(name: str, default: tuple[object, ...]) -> Declared:
    """Declare a list of values of a training setting."""
    one = declaration(Settings, name)
    setting = Setting(
        f"Values to try, separated by commas. {one.help}",
        ge=one.setting.ge,
        gt=one.setting.gt,
        label=one.label,
    )
    return Declared(name, one.kind, one.words, False, True, default, setting)


def _count(name: str, default: int | None, setting: Setting) -> Declared:
    return Declared(name, int, (), default is None, False, default, setting)


_VISIBLE = (
    _values("n_hidden", (10, 20, 40)),
    _values("l1", ("auto",)),
    _count(
        "n_folds",
        3,
        Setting(
            "Parts of the recording, each left out in turn. With more than two, trainings share "
            "frames.",
            ge=2,
            le=10,
            label="Folds",
        ),
    ),
    _count("n_updates", _N_UPDATES, Setting("Updates of every training.", ge=1, label="Updates")),
)
_MORE = (
    _values("learning_rate", (Settings().learning_rate,)),
    _count(
        "n_seeds",
        1,
        Setting(
            "Trainings of every combination, with different seeds.", ge=1, le=20, label="Seeds"
        ),
    ),
    _count(
        "n_random",
        None,
        Setting(
            "Try this many configurations, drawn at random between the smallest and the largest "
            "values, instead of all combinations.",
            ge=1,
            le=1000,
            label="Random draws",
            absent="all combinations",
        ),
    ),
    _count(
        "n_workers",
        1,
        Setting(
            "Number of trainings at the same time, each with its share of the cores. More than "
            "one needs the extra 'cluster'.",
            ge=1,
            le=64,
            label="Parallel trainings",
        ),
    ),
    Declared(
        "scheduler",
        str,
        (),
        True,
        False,
        None,
        Setting(
            "Address of a running Dask scheduler, such as tcp://10.0.0.1:8786, whose workers "
            "train instead. They must have access to the folder.",
            label="Dask scheduler",
            absent="this computer",
        ),
    ),
)


class SweepForm(Form):
    """Values to try and how to train."""

    def __init__(self) -> None:
        super().__init__(_VISIBLE, _MORE)
        self["scheduler"].native.setPlaceholderText("this computer")

    @property
    def n_workers(self) -> int:
        """Number of trainings at the same time."""
        return int(self.values()["n_workers"])

    @property
    def scheduler(self) -> str | None:
        """Address of a Dask scheduler, or None."""
        address = str(self["scheduler"].value).strip()
        return address or None

    def sweep(self) -> Sweep:
        """Return the sweep as entered.

        Raises
        ------
        ModelError
            If a field holds no valid value.
        """
        entered = self.values()
        lists = {name: entered[name] for name in ("n_hidden", "l1", "learning_rate")}
        for name, values in lists.items():
            twice = next((value for value in values if values.count(value) > 1), None)
            if twice is not None:
                raise ModelError(f"{self.label(name)} has {twice} twice; write every value once.")
        return Sweep(
            **lists,
            n_random=entered["n_random"],
            seeds=tuple(range(entered["n_seeds"])),
            n_folds=entered["n_folds"],
            settings=Settings(n_updates=entered["n_updates"]),
        )

    def show_sweep(self, session: SweepSession) -> None:
        """Enter the values of a sweep whose dock was closed after its start."""
        sweep = session.sweep
        self.fill(
            {
                "n_hidden": sweep.n_hidden,
                "l1": sweep.l1,
                "learning_rate": sweep.learning_rate,
                "n_random": sweep.n_random,
                "n_seeds": len(sweep.seeds),
                "n_folds": sweep.n_folds,
                "n_updates": sweep.settings.n_updates,
                "n_workers": session.n_workers,
                "scheduler": session.scheduler,
            }
        )
