"""Batches made on the device: pictures, landmarks and holes, all from one seeded generator.

Every random choice of a step comes from a generator seeded by ``(seed, step)``. A resumed run therefore sees the
batches that an uninterrupted one would have seen, and every process of a distributed run can draw the whole batch and
take its own part.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from pipelines.faces.masks import GROUPS, irregular_mask
from pipelines.faces.points import MESH_TO_68, MIRROR_68

_PIECES = 3  # of an outline at most
_RADIUS = 1.26  # eye distances from the middle of a face's outline to the outline, on average


def step_generator(seed: int, step: int) -> torch.Generator:
    """The generator of one step, on the CPU so that every device draws the same numbers."""
    return torch.Generator().manual_seed(seed * 1_000_003 + step)


def points_68(meshes: Tensor) -> Tensor:
    """``(N, 478, 2)`` → ``(N, 68, 2)``."""
    return meshes[:, list(MESH_TO_68)]


def grown(polygons: Tensor, margin: Tensor | float) -> Tensor:
    """Outlines of faces, ``(N, V, 2)``, moved outwards by ``margin`` eye distances, ``(N, 1, 1)`` or one for all."""
    spokes = polygons - polygons.mean(1, keepdim=True)
    length = spokes.norm(dim=2, keepdim=True)
    return polygons + spokes / length * (margin * length.mean(1, keepdim=True) / _RADIUS)


def irregular_bank(size: int, each: int, seed: int) -> Tensor:
    """``each`` irregular masks of every group, ``uint8`` ``(3 * each, size, size)``, groups in order."""
    rng = np.random.default_rng(seed)
    masks = [irregular_mask(size, group, rng) for group in range(len(GROUPS)) for _ in range(each)]
    return torch.from_numpy(np.stack(masks).astype(np.uint8))


def fill_polygons(polygons: Tensor, size: int) -> Tensor:
    """Draws one polygon a sample by the even-odd rule.

    Args:
        polygons: ``(N, V, 2)``, fractions of the side.
        size: side in pixels.

    Returns:
        ``float32`` ``(N, 1, size, size)``, 1 inside.
    """
    centres = (torch.arange(size, device=polygons.device, dtype=polygons.dtype) + 0.5) / size
    start, end = polygons, polygons.roll(-1, 1)
    x0, y0, x1, y1 = (v[..., None] for v in (start[..., 0], start[..., 1], end[..., 0], end[..., 1]))
    crosses = (y0 <= centres) != (y1 <= centres)  # (N, V, rows)
    rise = torch.where(y1 == y0, torch.ones_like(y0), y1 - y0)
    at = x0 + (centres - y0) / rise * (x1 - x0)
    right = (centres < at[..., None]) & crosses[..., None]  # (N, V, rows, columns)
    return (right.sum(1, dtype=torch.uint8) % 2).to(polygons.dtype)[:, None]


def jitter_polygons(polygons: Tensor, generator: torch.Generator) -> Tensor:
    """Moves, scales and roughens outlines, as a person's hand would: ``(N, V, 2)`` → the same shape."""
    n, vertices, _ = polygons.shape
    centre = polygons.mean(1, keepdim=True)
    scale = uniform((n, 1, 2), 0.85, 1.4, generator)
    # Above and below its middle by itself: else an outline drawn about lips would tell where they were.
    halves = uniform((n, 2), 0.75, 1.35, generator).to(polygons.device)
    shift = uniform((n, 1, 2), -0.02, 0.02, generator)
    angle = torch.linspace(0, 2 * torch.pi, vertices + 1)[:-1]
    waves = torch.zeros(n, vertices)
    for frequency in (2, 3, 5, 7):
        phase = uniform((n, 1), 0, 2 * torch.pi, generator)
        waves += uniform((n, 1), 0, 0.12 / frequency**0.5, generator) * torch.sin(frequency * angle + phase)
    device = polygons.device
    factor = scale.to(device) * (1 + waves[..., None].to(device))
    spokes = (polygons - centre) * factor
    below = (spokes[..., 1] > 0).long()
    spokes = torch.stack([spokes[..., 0], spokes[..., 1] * halves.gather(1, below)], 2)
    return spokes + centre + shift.to(device)


def shrunken(polygons: Tensor, generator: torch.Generator) -> Tensor:
    """Small copies of outlines, each somewhere within its own: ``(N, V, 2)`` → ``(N, 3, V, 2)``."""
    n, vertices, _ = polygons.shape
    device = polygons.device
    centre = polygons.mean(1, keepdim=True)
    spokes = polygons - centre
    scale = uniform((n, _PIECES, 1, 1), 0.3, 0.7, generator).to(device)
    # The root spreads the copies evenly over the area; without it they would crowd in the middle.
    way = uniform((n, _PIECES, 1, 1), 0, 1, generator).sqrt().to(device) * (1 - scale)
    which = torch.randint(vertices, (n, _PIECES), generator=generator).to(device)
    towards = spokes[torch.arange(n, device=device)[:, None], which][:, :, None]
    return centre[:, None] + spokes[:, None] * scale + towards * way


def fill_pieces(polygons: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Draws one to three :func:`shrunken`, jittered copies of each outline, as :func:`fill_polygons` draws it whole."""
    n = len(polygons)
    pieces = jitter_polygons(shrunken(polygons, generator).flatten(0, 1), generator)
    filled = fill_polygons(pieces, size).view(n, _PIECES, 1, size, size)
    count = torch.randint(1, _PIECES + 1, (n, 1), generator=generator)
    drawn = (torch.arange(_PIECES) < count).to(filled).view(n, _PIECES, 1, 1, 1)
    return (filled * drawn).amax(1)


def draw_holes(
    polygons: Tensor,
    bank: Tensor,
    size: int,
    generator: torch.Generator,
    *,
    irregular: float,
    extents: tuple[float, ...],
    pieces: float = 0.0,
) -> Tensor:
    """One hole a sample: a jittered mouth/nose outline, pieces of one, or an irregular mask of the bank.

    Args:
        polygons: ``(N, extents, V, 2)`` from :func:`outlines`.
        bank: from :func:`irregular_bank`.
        size: side in pixels.
        generator: source of randomness.
        irregular: share of irregular masks.
        extents: relative frequency of each extent among the outlines.
        pieces: share of the outlines of which pieces are hidden, and not the whole.

    Returns:
        ``float32`` ``(N, 1, size, size)``, 1 = hole.
    """
    n = len(polygons)
    device = polygons.device
    extent = torch.multinomial(torch.tensor(extents), n, replacement=True, generator=generator)
    chosen = polygons[torch.arange(n, device=device), extent.to(device)]
    drawn = fill_polygons(jitter_polygons(chosen, generator), size)
    if pieces:
        few = (torch.rand(n, generator=generator) < pieces).to(device).view(n, 1, 1, 1)
        drawn = torch.where(few, fill_pieces(chosen, size, generator), drawn)
    which = torch.randint(len(bank), (n,), generator=generator)
    strokes = bank[which.to(bank.device)].to(device, torch.float32)[:, None]
    turns = int(torch.randint(4, (1,), generator=generator))
    strokes = torch.rot90(strokes, turns, (2, 3))
    if torch.rand(1, generator=generator).item() < 0.5:
        strokes = strokes.flip(3)
    use = (torch.rand(n, generator=generator) < irregular).to(device).view(n, 1, 1, 1)
    holes = torch.where(use, strokes, drawn)
    # A polygon pushed off a small picture can vanish; an empty hole teaches nothing.
    empty = holes.flatten(1).sum(1) == 0
    return torch.where(empty.view(n, 1, 1, 1), strokes, holes)


def augment(
    images: Tensor, points: Tensor, polygons: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Random mirror, small similarity and colour changes.

    Args:
        images: ``uint8`` ``(N, 3, S, S)``.
        points: ``(N, 68, 2)``, fractions of the side.
        polygons: ``(N, extents, V, 2)``, fractions of the side.
        generator: source of randomness.

    Returns:
        images in [-1, 1] as float32, points and polygons changed likewise.
    """
    n, device = len(images), images.device
    x = images.float() / 127.5 - 1

    mirror = (torch.rand(n, generator=generator) < 0.5).to(device)
    x = torch.where(mirror.view(n, 1, 1, 1), x.flip(3), x)
    flip = torch.tensor([-1.0, 1.0], device=device)
    offset = torch.tensor([1.0, 0.0], device=device)
    points = torch.where(mirror.view(n, 1, 1), points[:, list(MIRROR_68)] * flip + offset, points)
    polygons = torch.where(mirror.view(n, 1, 1, 1), polygons * flip + offset, polygons)

    moved = (torch.rand(n, generator=generator) < 0.5).float()
    angle = (moved * uniform((n,), -0.12, 0.12, generator)).to(device)  # radians
    scale = torch.exp(moved * uniform((n,), -0.1, 0.1, generator)).to(device)
    shift = (moved[:, None] * uniform((n, 2), -0.02, 0.02, generator)).to(device)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    rotate = torch.stack([cos, -sin, sin, cos], 1).view(n, 2, 2)

    def move(p: Tensor) -> Tensor:
        flat = (p.flatten(1, -2) - 0.5) @ rotate.transpose(1, 2) + 0.5 + shift[:, None]
        return flat.view_as(p)

    # grid_sample asks where an output pixel comes from: the inverse, in coordinates from -1 to 1.
    inverse = torch.linalg.inv(rotate)
    theta = torch.cat([inverse, -(inverse @ (2 * shift[..., None]))], 2)
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    x = F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)

    gain = uniform((n, 1, 1, 1), 0.8, 1.2, generator).to(device)
    bias = uniform((n, 1, 1, 1), -0.15, 0.15, generator).to(device)
    tint = uniform((n, 3, 1, 1), 0.93, 1.07, generator).to(device)
    x = (((x + 1) * gain * tint - 1) + bias).clamp(-1, 1)
    return x, move(points), move(polygons)


def transform_colours(images: Tensor, generator: torch.Generator, *, hue: float, chance: float = 0.75) -> Tensor:
    """Brightness, contrast and saturation, each changed with probability ``chance``, and a rotated hue, always.

    Source: Lumetti et al., section 4.1.6, after Karras et al. 2020 (ADA), appendix B: brightness and contrast of
    standard deviation 0.2 and 0.5 octaves, saturation of one octave.

    Args:
        images: ``(N, 3, S, S)`` in [-1, 1].
        generator: source of randomness.
        hue: largest rotation in degrees, either way; 180 is the paper's.
        chance: of each of the first three.

    Returns:
        The same shape and range.
    """
    n, device = len(images), images.device

    def some(values: Tensor, neutral: float) -> Tensor:
        changed = torch.rand((n, 1, 1, 1), generator=generator) < chance
        return torch.where(changed, values, torch.full_like(values, neutral)).to(device)

    shape = (n, 1, 1, 1)
    brightness = some(0.2 * torch.randn(shape, generator=generator), 0)
    contrast = some(torch.exp2(0.5 * torch.randn(shape, generator=generator)), 1)
    saturation = some(torch.exp2(torch.randn(shape, generator=generator)), 1)
    angle = torch.deg2rad(uniform(shape, -hue, hue, generator)).to(device)

    x = (images + brightness) * contrast
    # Grey is the axis of hue: what is along it is kept, what is across it is turned (Rodrigues) and stretched.
    grey = x.mean(1, keepdim=True)
    across = x - grey
    turned = torch.cos(angle) * across + torch.sin(angle) / 3**0.5 * (across.roll(1, 1) - across.roll(2, 1))
    return (grey + saturation * turned).clamp(-1, 1)


def uniform(shape: tuple[int, ...], low: float, high: float, generator: torch.Generator) -> Tensor:
    """Random numbers between ``low`` and ``high``, float32, on the CPU."""
    return torch.rand(shape, generator=generator) * (high - low) + low


def some(count: int, share: float, generator: torch.Generator) -> Tensor:
    """1 for about a ``share`` of ``count`` samples and 0 for the others, ``(count, 1, 1, 1)`` float32, on the CPU."""
    return (torch.rand(count, generator=generator) < share).float().view(count, 1, 1, 1)


def blurred(pictures: Tensor, reach: float) -> Tensor:
    """Pictures ``(N, C, S, S)`` smoothed over ``reach`` of their side, two box filters one after the other."""
    width = 2 * round(reach * pictures.shape[-1] / 2) + 1
    for _ in range(2):
        pictures = F.avg_pool2d(pictures, width, 1, width // 2, count_include_pad=False)
    return pictures


def pixel_centres(size: int, device: torch.device) -> Tensor:
    """Where a picture's pixels lie, x and y as fractions of the side, ``(size, size, 2)``."""
    at = (torch.arange(size, device=device) + 0.5) / size
    y, x = torch.meshgrid(at, at, indexing="ij")
    return torch.stack([x, y], -1)
