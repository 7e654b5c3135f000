"""The goals, and whether the figures meet them. Nothing here is set by hand but the limits."""

from .statistics import ratio

MOST, LEAST = "≤", "≥"
# What comes and goes.
CONNECTIONS = 10_000


class Goal:
    """One goal. `read` gives the figure of the results, or None if it was not measured. One that is
    `sized` is for the full size; a short run says so beside its verdict."""

    def __init__(self, name, read, sign, limit, unit="", sized=False):
        self.name, self.read, self.sign, self.limit, self.unit = name, read, sign, limit, unit
        self.sized = sized

    def figure(self, results):
        try:
            return self.read(results)
        except (KeyError, TypeError, IndexError):
            return None

    def verdict(self, results):
        """`met`, `missed` or `not measured`."""
        figure = self.figure(results)
        if figure is None:
            return "not measured"
        met = figure <= self.limit if self.sign == MOST else figure >= self.limit
        return "met" if met else "missed"


def against(case, key):
    """Ottla's figure over Kafka's."""
    return lambda results: ratio(results[case]["ottla"][key], results[case]["kafka"][key])


def own(case, key):
    return lambda results: results[case]["ottla"][key]


def above_the_floor(results):
    return results["floor"]["fetch"]["ratio"]


def left_by_connections(results):
    """Only if all were let in: Ottla lets in a quarter of what it may open."""
    memory = results["memory"]["ottla"]
    return memory["connections"] if memory["opened"] >= CONNECTIONS else None


MANY, FULL = ("start/partitions", "metadata"), ("start/segments", "metadata")
CPU, RATE = "x Kafka's CPU", "x Kafka's rate"

GOALS = (
    Goal("fetch through librdkafka", against("fetch/librdkafka", "cpu"), MOST, 0.45, CPU),
    Goal("fetch through the Java client", against("fetch/java", "cpu"), MOST, 0.30, CPU),
    Goal("fetch beside the floor", above_the_floor, MOST, 1.3, "x the floor"),
    Goal("fetch by 8 readers at once", against("fan-out/8", "cpu"), MOST, 0.40, CPU),
    Goal("produce, 64 KiB batches, 10 connections", against("produce/raw", "cpu"), MOST, 0.25, CPU),
    Goal("produce through the Java client", against("produce/java", "cpu"), MOST, 0.30, CPU),
    Goal("100 connections x 1 in flight", against("requests/1", "rate"), LEAST, 2.5, RATE),
    Goal("100 connections x 1, for a request", against("requests/1", "cpu"), MOST, 0.30, CPU),
    Goal("100 connections x 5 in flight", against("requests/5", "rate"), LEAST, 4.5, RATE),
    Goal("100 connections x 5, for a request", against("requests/5", "cpu"), MOST, 0.18, CPU),
    Goal("slowest of 10 connections to the mean", own("fairness", "fairness"), LEAST, 0.9),
    Goal("exec to Metadata, empty directory", own("start/empty", "metadata"), MOST, 8, "ms"),
    Goal("after kill -9, 10,000 partitions", own(*MANY), MOST, 60, "ms", True),
    Goal("after kill -9, 5 GiB in 10 active segments", own(*FULL), MOST, 50, "ms", True),
    Goal("the same, until all answer", own("start/segments", "all"), MOST, 1000, "ms", True),
    Goal("idle RSS", own("memory", "idle"), MOST, 6, "MB"),
    Goal("left by 10,000 connections", left_by_connections, MOST, 2, "MB"),
)


def rows(results, short=False):
    """(goal, limit, figure, verdict) for each, as text."""
    for goal in GOALS:
        figure = goal.figure(results)
        shown = "-" if figure is None else f"{figure:.3g}" if figure < 1000 else f"{figure:.0f}"
        limit = f"{goal.sign} {goal.limit:g} {goal.unit}".strip()
        verdict = goal.verdict(results)
        if short and goal.sized and figure is not None:
            verdict += ", at a smaller size"
        yield goal.name, limit, shown, verdict
