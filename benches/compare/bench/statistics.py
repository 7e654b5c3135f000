"""Medians and percentages: all arithmetic of the comparison that is not a division."""

import statistics


def median(figures):
    """The one in the middle, or the mean of the two; None of none."""
    figures = [figure for figure in figures if figure is not None]
    return statistics.median(figures) if figures else None


def ratio(ours, theirs):
    """None where one of them is missing or there is nothing to divide by."""
    if ours is None or not theirs:
        return None
    return ours / theirs


def medians(rounds):
    """What each key of these dictionaries is at the middle; lists go element by element."""
    keys = dict.fromkeys(key for one in rounds for key in one)
    return {key: _middle([one[key] for one in rounds if key in one]) for key in keys}


def _middle(figures):
    if isinstance(figures[0], list):
        return [median(column) for column in zip(*figures)]
    return median(figures)


def spread(figures):
    """The smallest and the largest."""
    return (min(figures), max(figures)) if figures else None


def per_gib(seconds, count):
    """Seconds for each GiB of `count` bytes."""
    return ratio(seconds, count / 2**30)
