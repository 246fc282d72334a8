"""Texts of a printed page that touch one another, or leave its margins."""

from matplotlib.figure import Figure

from pipelines.exports.pages.sheet import MARGIN, WIDTH


def clashes(figure: Figure) -> list[tuple[str, ...]]:
    """Each text that leaves the margins, and each two that stand in each other's way, of 300 dots an inch: letters of
    few pixels are rounded to narrower ones than a page in print has.
    """
    figure.dpi = 300
    renderer = figure.canvas.get_renderer()
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in figure.texts if text.get_text()]
    assert len(boxes) > 20
    margin = figure.bbox.x1 * MARGIN / WIDTH
    found: list[tuple[str, ...]] = []
    for number, (one, box) in enumerate(boxes):
        if box.x0 < margin - 1 or box.x1 > figure.bbox.x1 - margin + 1:
            found.append((one,))
        for other, next_box in boxes[number + 1 :]:
            wide = min(box.x1, next_box.x1) - max(box.x0, next_box.x0)
            high = min(box.y1, next_box.y1) - max(box.y0, next_box.y0)
            if wide > 0 and high > 0.2 * min(box.height, next_box.height):
                found.append((one, other))
    return found
