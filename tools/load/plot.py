"""Draw the responses over time, the phases behind them; runs in Locust's environment."""

import json
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

home = Path(sys.argv[1])
results = json.loads((home / "responses.json").read_text())
colours = {
    "action-successful": "tab:green",
    "mandrill-email-failed": "tab:orange",
    "application-crash": "tab:red",
    None: "black",
}
figure, (times, rate) = plt.subplots(2, sharex=True, figsize=(11, 6), height_ratios=[3, 1])
for status in (*colours, "refused"):
    dots = [
        (at, seconds * 1000)
        for at, seconds, was in results["responses"]
        if (was if was in colours else "refused") == status
    ]
    if dots:
        label = status or "no response of the function"
        times.scatter(*zip(*dots, strict=True), s=4, label=label, color=colours.get(status))
times.set_yscale("log")
times.set_ylabel("response time, ms")
times.legend(loc="upper right", markerscale=3, fontsize="small")
end = max(at for at, *_ in results["responses"])
rate.hist([at for at, *_ in results["responses"]], bins=max(int(end), 1), color="tab:blue")
rate.set_ylabel("requests per second")
rate.set_xlabel("seconds")
for number, (name, since) in enumerate(results["spans"]):
    until = results["spans"][number + 1][1] if number + 1 < len(results["spans"]) else end
    for axes in (times, rate):
        axes.axvspan(since, until, color="tab:grey", alpha=0.15 * (number % 2), linewidth=0)
    place = times.get_xaxis_transform()
    times.text(since, 1.01, name, transform=place, fontsize="small", rotation=15)
figure.tight_layout()
figure.savefig(home / "responses.png", dpi=120)
