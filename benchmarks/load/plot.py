"""The picture: CPU time per request, one panel for each path."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.load.figures import Figures, Spread, cpu_us
from benchmarks.load.measure import Result
from benchmarks.load.targets import USUAL

_PANELS: Final = ("/version", "/health", "/ready", "429", "POST 10 fields", "list of 100")
_WHOLE: Final = ("service", "service 429", "service crud")
_OURS, _PARTS, _OTHERS = "#f7931a", "#fbd2a0", "#7a8794"
_BAR_INCHES: Final = 0.3


def plot(results: Sequence[Result], path: Path) -> None:
    """Draw what was measured at the usual number of connections, as SVG."""
    import matplotlib as mpl  # noqa: PLC0415 - slow to import, and drawn after everything else

    mpl.use("svg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "tbg", "font.size": 9})
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the choice above

    panels = [(name, bars) for name in _PANELS if (bars := _bars(Figures(results), name))]
    if not panels:
        return
    heights = [len(bars) + 2 for _, bars in panels]
    size = (9, _BAR_INCHES * sum(heights) + 0.5)
    figure, axes = plt.subplots(len(panels), 1, figsize=size, height_ratios=heights, squeeze=False)
    for axis, (name, bars) in zip(axes[:, 0], panels, strict=True):
        _draw(axis, name, bars)
    figure.supxlabel("CPU µs per request; 64 connections; lines from the lowest to the highest round")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def _bars(figures: Figures, path: str) -> list[tuple[str, Spread]]:
    """Return each target's value for one path, the cheapest first."""
    found = [
        (result.target.name, Spread.of(map(cpu_us, samples)))
        for result in figures.results
        if (samples := figures.samples(result.target.name, path, USUAL))
    ]
    return sorted(found, key=lambda bar: bar[1].median)


def _draw(axis: Any, title: str, bars: Sequence[tuple[str, Spread]]) -> None:  # noqa: ANN401 - matplotlib is not typed here
    names, spreads = [name for name, _ in bars], [spread for _, spread in bars]
    medians = [spread.median for spread in spreads]
    ranges = [[s.median - s.low for s in spreads], [s.high - s.median for s in spreads]]
    drawn = axis.barh(names, medians, xerr=ranges, color=[_color(name) for name in names], ecolor="#333333", height=0.7)
    axis.bar_label(drawn, [f"{median:.0f}" for median in medians], padding=4)
    axis.invert_yaxis()
    axis.set_title(title, loc="left", fontweight="bold")
    axis.spines[["top", "right"]].set_visible(False)
    axis.margins(x=0.12)


def _color(name: str) -> str:
    """Set the whole service off from its variants, and these from the peers."""
    if name in _WHOLE:
        return _OURS
    return _PARTS if name.startswith("service") else _OTHERS
