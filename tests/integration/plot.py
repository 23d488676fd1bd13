"""Step lines over seconds as an SVG file, for people."""

WIDTH, HEIGHT, MARGIN = 900, 360, 40
COLORS = ["#888888", "#d62728", "#1f77b4", "#2ca02c"]


def write_svg(path, title, series):
    """SERIES: by name, points (second, value) in order; drawn in one frame."""
    end = max(second for points in series.values() for second, _ in points) or 1
    top = max(value for points in series.values() for _, value in points) or 1

    def x(second):
        return MARGIN + second / end * (WIDTH - 2 * MARGIN)

    def y(value):
        return HEIGHT - MARGIN - value / top * (HEIGHT - 3 * MARGIN)
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/><text x="{MARGIN}" y="20" font-size="14">{title}</text>']
    for value in range(int(top) + 1):
        lines.append(f'<path d="M{MARGIN} {y(value):.1f}H{WIDTH - MARGIN}" stroke="#eeeeee"/>'
                     f'<text x="{MARGIN - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value}</text>')
    for second in range(0, int(end) + 1, 5):
        lines.append(f'<text x="{x(second):.1f}" y="{HEIGHT - MARGIN + 18}" text-anchor="middle">{second} s</text>')
    for index, (name, points) in enumerate(series.items()):
        steps = f"M{x(points[0][0]):.1f} {y(points[0][1]):.1f}" + "".join(
            f"H{x(second):.1f}V{y(value):.1f}" for second, value in points[1:])
        lines.append(f'<path d="{steps}" fill="none" stroke="{COLORS[index]}" stroke-width="2"/>'
                     f'<text x="{MARGIN + 170 * index}" y="{MARGIN}" fill="{COLORS[index]}">{name}</text>')
    path.write_text("\n".join([*lines, "</svg>", ""]))
