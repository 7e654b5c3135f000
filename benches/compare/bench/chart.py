"""The chart: Ottla's figure as a part of Kafka's, one bar a line, as plain SVG."""

from xml.sax.saxutils import escape

from .statistics import ratio

WIDTH, ROW, LEFT, RIGHT, TOP = 760, 26, 300, 90, 56
FULL = WIDTH - LEFT - RIGHT

# What is drawn: name, case, figure. All of them are the better the less there is of them.
BARS = (
    ("fetch, librdkafka: CPU a GiB", "fetch/librdkafka", "cpu"),
    ("fetch, Java client: CPU a GiB", "fetch/java", "cpu"),
    ("fetch, 8 readers at once: CPU a GiB", "fan-out/8", "cpu"),
    ("produce, 64 KiB batches: CPU a GiB", "produce/raw", "cpu"),
    ("produce, Java client: CPU a GiB", "produce/java", "cpu"),
    ("100 connections x 1: CPU a request", "requests/1", "cpu"),
    ("100 connections x 5: CPU a request", "requests/5", "cpu"),
    ("exec to Metadata, empty directory", "start/empty", "metadata"),
    ("exec to Metadata, kill -9, partitions", "start/partitions", "metadata"),
    ("exec to Metadata, kill -9, segments", "start/segments", "metadata"),
    ("idle memory", "memory", "idle"),
)


def bars(results):
    """(name, Ottla's part of Kafka's figure) of what was measured."""
    for name, case, key in BARS:
        both = results.get(case, {})
        part = ratio(both.get("ottla", {}).get(key), both.get("kafka", {}).get(key))
        if part is not None:
            yield name, part


def svg(results, subtitle):
    """The whole file."""
    drawn = list(bars(results))
    height = TOP + ROW * len(drawn) + 16
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        '<text x="12" y="22" font-size="16" fill="#1b1f24">What Ottla takes, as a part of what '
        "Apache Kafka takes (the grey bar)</text>",
        f'<text x="12" y="41" fill="#57606a">{escape(subtitle)}</text>',
    ]
    for number, (name, part) in enumerate(drawn):
        y = TOP + ROW * number
        width = max(1.0, min(1.0, part) * FULL)
        lines += [
            f'<text x="{LEFT - 10}" y="{y + 14}" text-anchor="end" fill="#1b1f24">'
            f"{escape(name)}</text>",
            f'<rect x="{LEFT}" y="{y + 2}" width="{FULL}" height="16" fill="#d0d7de"/>',
            f'<rect x="{LEFT}" y="{y + 2}" width="{width:.1f}" height="16" fill="#0969da"/>',
            f'<text x="{LEFT + FULL + 8}" y="{y + 14}" fill="#1b1f24">{percent(part)}</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])


def percent(part):
    """Of the grey bar: 12 %, 0.4 %."""
    shown = part * 100
    return f"{shown:.0f} %" if shown >= 10 else f"{shown:.1f} %"
