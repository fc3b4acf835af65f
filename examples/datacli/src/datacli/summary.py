"""From a table of monthly temperatures to one line a station."""

from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

COLUMNS = ["station", "month", "celsius"]


def read_table(path: Path | None) -> pd.DataFrame:
    """The table in ``path``, or the one that comes with this package."""
    source = path or resources.files("datacli") / "stations.csv"
    with source.open(encoding="utf-8") as file:
        table = pd.read_csv(file, parse_dates=["month"])
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise ValueError(f"there is no column {', '.join(missing)}")
    return table[COLUMNS]


def trend(group: pd.DataFrame) -> float:
    """The slope of a straight line through the anomalies, in degrees a decade."""
    usual = group.groupby(group["month"].dt.month)["celsius"].transform("mean")
    years = (group["month"] - group["month"].min()).dt.days.to_numpy() / 365.25
    slope, _ = np.polyfit(years, (group["celsius"] - usual).to_numpy(), 1)
    return float(slope * 10)


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Mean, standard deviation, trend and warmest month, by station."""
    rows = {
        station: {
            "months": len(group),
            "mean": round(float(group["celsius"].mean()), 2),
            "spread": round(float(group["celsius"].std()), 2),
            "trend": round(trend(group), 2),
            "warmest": group.loc[group["celsius"].idxmax(), "month"].strftime("%Y-%m"),
        }
        for station, group in table.groupby("station")
    }
    return pd.DataFrame.from_dict(rows, orient="index")
