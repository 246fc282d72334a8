"""Tab 2: a photo of a masked face, and a reference where there is one, become the face without its mask."""

import html
from collections.abc import Mapping
from typing import Any

import gradio as gr
import numpy as np

from pipelines.errors import OptionInvalid, PhiltrumError
from pipelines.exports.repainted import mask_share
from pipelines.faces.blending.hole import FEATHER
from pipelines.faces.images import read_image
from pipelines.faces.landmarks import find_faces, pick_face
from pipelines.jobs import MASK_REMOVAL
from pipelines.languages.numbers import figure
from pipelines.languages.translation import _, ngettext
from pipelines.mask_removal.choices import (
    CONTROL,
    CONTROL_POINTS,
    ENGINE,
    EXTENT,
    MOST_REFERENCES,
)
from pipelines.mask_removal.exports import likeness_sentence, mean_confidence, person_question
from pipelines.mask_removal.segmentation import segment_mask, with_margin
from pipelines.results import MaskRemovalResult
from ui.examples import masked_faces
from ui.parts.editor import (
    add_base,
    answer,
    face_choice,
    more_props,
    more_references,
    photo_props,
    reference_field,
    reference_props,
    refusal,
)
from ui.parts.repaint_settings import engine_choice, points_slider
from ui.parts.stages import show_stages, stage_strip
from ui.parts.widgets import ask, guarded, headed, step, toast
from ui.pictures.masks import editor_size
from ui.server.sessions import Work
from ui.server.uploads import take_one
from ui.session.kept import Outcome, Photo
from ui.tabs.base import Field
from ui.tabs.repainting import ONE, RepaintingTab, read_photo_and_mask

WITH, WITHOUT = "with", "without"
"""Whether a reference is used."""

ALL = "all"
"""All references; else the number of the one that is taken alone, as text, or :data:`WITHOUT`."""

BOTH = "both"
"""Both engines draw, the first one's drawing is the result, and the stages show both side by side."""

REFERENCES = "references"
"""A result with all references, one with each alone, and one without."""

_RUN = "() => document.getElementById('removal-run').click()"
_FRONTAL = 5.0  # degrees; a face that is turned less looks at the camera for all that people see

SOURCES = {"found": _("found"), "given": _("painted or uploaded"), "suggested": _("suggested")}
"""Where a mask came from → what the page says of it."""


class MaskRemovalTab(RepaintingTab):
    """Adds to what every tab does: the mask is looked for, a reference is taken, and every stage is shown."""

    job = MASK_REMOVAL
    prefix = "removal"
    stem = "philtrum-mask-removal"
    headings = (_("Masked face"), _("Without the mask"))
    lead = _("Drop a photo of a masked face here. The mask is found by itself; repair it, then press Run.")
    canvas = _("Photo with the mask to remove. Repair the mask with the pointer, or use Find mask.")
    after = _("Without the mask")
    awaited = _("The face without the mask appears here, beside the photo.")
    advanced = _("Mask edge, control points, engine, seed and several results")
    severals = ((_("Each reference"), REFERENCES),)
    gallery = staticmethod(masked_faces.gallery)

    def build_region(self) -> None:
        self.find = gr.Button(_("Find mask"), size="md", min_width=124)
        self.suggest = gr.Button(_("Suggest region"), size="md", min_width=124)

    def build_inputs(self) -> None:
        with gr.Row(elem_classes="choice", equal_height=True):
            gr.HTML(step(_("Reference")), apply_default_css=False, min_width=90)
            self.choice = gr.Radio(
                [(_("With a reference photo"), WITH), (_("Without reference"), WITHOUT)],
                value=WITH,
                label=_("Reference"),
                show_label=False,
                container=False,
                elem_classes="extent",
                min_width=300,
            )
        # The style sheet hides it where no reference is wanted; it keeps its photo.
        with gr.Column(elem_classes="reference"):
            self.reference = reference_field(
                "removal-reference", _("The same person without a mask, from a similar side.")
            )
            self.reference_face = gr.Radio(
                [(_("Face 1 (largest)"), 0)], value=0, label=_("Face of the reference"), visible=False
            )
            self.more = more_references("removal-more", MOST_REFERENCES - 1)

    def build_advanced(self) -> None:
        self.points = points_slider()
        self.painting = engine_choice(
            _(
                "The first is nearer to the hidden face wherever that could be measured. Where both draw, the result "
                "is the first one's, and the strip of stages shows the two side by side."
            ),
            (_("Both, side by side"), BOTH),
        )

    def build_facts(self) -> None:
        self.facts = [gr.HTML(note_html(), apply_default_css=False), stage_strip("removal-stages")]
        # What only some results have stands below the strip, so that nothing moves.
        likeness = gr.HTML("", apply_default_css=False)
        # The style sheet shows it where there is a result that a reference led.
        self.version = gr.Radio(
            _versions(0),
            value=ALL,
            label=_("References of the result"),
            show_label=False,
            container=False,
            elem_classes=["extent", "version"],
        )
        self.facts = [*self.facts, likeness, self.version]

    def connect(self) -> None:
        photo = [self.editor, self.face]
        reference = [self.reference, self.reference_face]
        self.editor.upload(self.open_photo, None, self.opened, **self.named("open_photo"))
        self.editor.select(
            self.open_example, None, [*reference, self.more, self.choice, *self.opened], **self.named("open_example")
        )
        self.find.click(self.find_mask, photo, self.editor, **self.named("find_mask"))
        self.suggest.click(self.suggest_region, photo, self.editor, **self.named("suggest_region"))
        self.reference.upload(self.open_reference, None, [*reference, *self.results], **self.named("open_reference"))
        self.reference_face.input(
            self.choose_reference_face,
            [self.reference_face, self.reference],
            [self.reference, *self.results],
            **self.named("choose_reference_face"),
        )
        self.more.upload(self.add_references, None, [self.more, *self.results], **self.named("add_references"))
        self.more.select(self.change_references, None, [self.more, *self.results], **self.named("change_references"))
        self.version.input(None, None, None, js=_RUN, **self.named("choose_version"))

    def own_inputs(self) -> list[gr.components.Component]:
        return [
            *(self.choice, self.reference, self.reference_face, self.more, self.version),
            *(self.points, self.painting),
        ]

    # --- photo and mask ---------------------------------------------------------------------------------------------

    def open_photo(self, event: gr.EventData, request: gr.Request) -> list[Any]:
        """Reads an upload, forgets its file, shows it, and looks for the mask at once."""
        try:
            data = take_one(event.path)
            return self._open(request, read_image(data))
        except Exception as error:
            toast(error, _("Photo not opened"))
            return self.not_opened()

    def open_example(self, event: gr.EventData, request: gr.Request) -> list[Any]:
        """Shows the masked face that was clicked, and as its reference the same person's face without a mask."""
        try:
            opened = self._open(request, masked_faces.masked(event.example))
            reference = self._open_reference(request, masked_faces.reference(event.example))
        except Exception as error:
            toast(error, _("Example not opened"))
            return [refusal(), *[gr.skip()] * 3, *self.not_opened()]
        work = self.work(request)
        work.remove_references(*work.more)  # they show another person
        opened[self.opened.index(self.version)] = gr.Radio(_versions(0), value=ALL)
        return [*reference, answer(**more_props([])), WITH, *opened]

    def _open(self, request: gr.Request, pixels: np.ndarray) -> list[Any]:
        photo, props, more = self.take_photo(request, pixels)
        if photo.faces:
            props |= self.face_props(photo, 0)
        return [answer(**props), *more]

    @guarded(_("No mask found"), answer)
    def find_mask(self, value: dict | None, face: int, request: gr.Request) -> gr.HTML:
        """Lays the surgical mask that is found under the strokes."""
        return answer(base=found_base(self.photo(value, request), int(face)))

    @guarded(_("No region suggested"), answer)
    def suggest_region(self, value: dict | None, face: int, request: gr.Request) -> gr.HTML:
        """Lays the lower face under the strokes."""
        return answer(base=self.suggested(self.photo(value, request), int(face), EXTENT))

    def face_props(self, photo: Photo, face: int) -> dict[str, Any]:
        try:
            return {"base": found_base(photo, face)}
        except PhiltrumError as error:
            toast(error, _("No mask found"))
            return {}

    # --- reference --------------------------------------------------------------------------------------------------

    def open_reference(self, event: gr.EventData, request: gr.Request) -> list[Any]:
        """Reads an upload, forgets its file, and shows it with the landmarks of its face."""
        try:
            data = take_one(event.path)
            return [*self._open_reference(request, read_image(data)), *self.cleared()]
        except Exception as error:
            toast(error, _("Reference not opened"))
            return [refusal(), gr.skip(), *self.kept()]

    def _open_reference(self, request: gr.Request, pixels: np.ndarray) -> tuple[gr.HTML, gr.Radio]:
        faces = find_faces(pixels)
        pick_face(faces, 0)  # says in its own words what to do where there is none
        reference = self.work(request).take_photo(pixels, faces, editor_size(pixels.shape), "reference")
        return answer(photo=reference_props(reference, CONTROL), face=0), face_choice(faces)

    def choose_reference_face(self, face: int, value: dict | None, request: gr.Request) -> list[Any]:
        """Turns to another face of the reference; the result with the former one goes."""
        work = self.work(request)
        try:
            work.choose_face(work.photo_of((value or {}).get("photo"), "reference"), int(face))
        except Exception as error:
            toast(error, _("Face not chosen"))
            return [answer(), *self.kept()]
        return [answer(face=face), *self.cleared()]

    def add_references(self, event: gr.EventData, request: gr.Request) -> list[Any]:
        """Reads uploads, forgets their files, and shows the photos beside the reference; each that is none is told."""
        work, before = self.work(request), len(self.work(request).more)
        for path in event.paths:
            try:
                pixels = read_image(take_one(path))
                faces = find_faces(pixels)
                pick_face(faces, 0)  # says in its own words what to do where there is none
                if len(work.more) >= MOST_REFERENCES - 1:
                    raise OptionInvalid(
                        _("There are {most} references already; remove one first.").format(most=MOST_REFERENCES)
                    )
                work.add_reference(pixels, faces, editor_size(pixels.shape))
            except Exception as error:
                toast(error, _("Reference not added"))
        return self._changed(work) if len(work.more) > before else [answer(), *self.kept()]

    def change_references(self, event: gr.EventData, request: gr.Request) -> list[Any]:
        """Removes a further reference, or turns to another of its faces; the result with the former ones goes."""
        work = self.work(request)
        try:
            if key := getattr(event, "remove", None):
                work.remove_references(key)
            elif photo := work.more.get(event.turn):
                pick_face(photo.faces, int(event.face))
                work.choose_face(photo, int(event.face))
            return self._changed(work)
        except Exception as error:
            toast(error, _("References not changed"))
            return [answer(), *self.kept()]

    def _changed(self, work: Work) -> list[Any]:
        """Updates of the further references and of what shows a result."""
        shown = [*self.cleared()]
        shown[self.results.index(self.version)] = gr.Radio(_versions(len(work.more)), value=ALL)
        return [answer(**more_props([*work.more.values()])), *shown]

    # --- run --------------------------------------------------------------------------------------------------------

    def predict(
        self,
        value: dict | None,
        face: int,
        grow: float,
        feather: float,
        seed: float,
        several: str,
        shown: list[str],
        choice: str,
        reference: dict | None,
        reference_face: int,
        more: list[str],
        version: str,
        points: float,
        painting: str,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (how gradio hands the tracker over)
    ) -> Any:
        """Runs the pipeline and shows the result."""

        engine = ENGINE if painting == BOTH else painting

        def own(work: Work) -> dict[str, Any]:
            if WITHOUT in (choice, version):
                return {"engine": engine}
            first = work.photo_of((reference or {}).get("photo"), "reference", int(reference_face))
            photos = [first, *work.more_of(more)]
            chosen = photos if version == ALL else photos[int(version) - 1 : int(version)]
            return {
                "reference": [photo.pixels for photo in chosen],
                "reference_face": [photo.face for photo in chosen],
                "points": int(points),
                "engine": engine,
            }

        settings = {"choice": choice, "version": version, "points": points, "painting": painting}
        several = BOTH if several == ONE and painting == BOTH else several
        return self.run_on_page(request, progress, value, face, grow, feather, seed, several, shown, own, settings)

    def variants(self, several: str, options: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        if several == BOTH:
            return [(options, {}), (options | {"engine": "paper"}, {"painting": "paper"})]
        photos, faces = options.get("reference", []), options.get("reference_face", [])
        if several == REFERENCES and photos:
            single = zip(photos, faces, strict=True) if len(photos) > 1 else ()
            alone = [
                (options | {"reference": [photo], "reference_face": [face]}, {"version": str(number)})
                for number, (photo, face) in enumerate(single, 1)
            ]
            without = options | {"reference": None, "reference_face": 0}
            return [(options, {}), *alone, (without, {"version": WITHOUT})]
        return super().variants(several, options)

    def said(self, result: Any, settings: Mapping[str, Any]) -> list[str]:
        words, version = super().said(result, settings), settings.get("version", ALL)
        words[0] = {"found": _("mask found"), "given": _("painted mask")}.get(result.mask_source, words[0])
        count = len(result.references)
        alone = _("reference {number}").format(number=version) if version.isdecimal() else _("one reference")
        several = ngettext("{count} reference", "{count} references", count).format(count=count)
        words.insert(1, (_("no reference"), alone, several)[min(count, 2)])
        return [*words, _("the paper's networks")] if result.engine == "paper" else words

    def remark(self, result: MaskRemovalResult) -> None:
        for sentence in result.left_out:
            gr.Warning(headed(_("Not used"), html.escape(sentence)), duration=12)
        ask(person_question(result))

    def tell(self, result: MaskRemovalResult, *others: MaskRemovalResult) -> list[Any]:
        beside = [other for other in others if other.engine != result.engine]
        return [note_html(result), show_stages(result, *beside[:1]), likeness_html(result), gr.skip()]

    @property
    def fields(self) -> dict[str, Field]:
        return {**super().fields, "reference": Field(self.reference, self.reference_face, painted=False)}

    @property
    def more_photos(self) -> gr.HTML:
        return self.more

    @property
    def kept_settings(self) -> dict[str, gr.components.Component]:
        own = {"choice": self.choice, "points": self.points, "painting": self.painting}
        return {**super().kept_settings, **own}

    def field_props(self, what: str, photo: Photo, settings: Mapping[str, Any]) -> dict[str, Any]:
        return {"photo": reference_props(photo, CONTROL) if what == "reference" else photo_props(photo)}

    def show(self, outcome: Outcome, settings: Mapping[str, Any], more: int) -> list[Any]:
        shown = super().show(outcome, settings, more)
        version = settings.get("version", ALL)
        shown[self.results.index(self.version)] = gr.Radio(_versions(more), value=version)
        return shown

    def no_facts(self) -> list[Any]:
        return [note_html(), show_stages(None), "", ALL]

    def api(
        self,
        request: gr.Request,
        photo: gr.FileData,
        reference: gr.FileData | None = None,
        mask: gr.FileData | None = None,
        extent: str | None = None,
        face: int = 0,
        reference_face: int = 0,
        points: int = CONTROL_POINTS,
        grow: float = 0.0,
        feather: float = FEATHER,
        seed: int = 0,
        case: str | None = None,
        engine: str = ENGINE,
        references: list[gr.FileData] | None = None,
    ) -> tuple[dict, gr.FileData, gr.FileData, gr.FileData, gr.FileData]:
        """Removes the surgical mask from the face in a photo, at the photo's own resolution.

        Give `photo` and, if you have one, `reference`, a photo of the same person without a mask; further ones go into
        `references`, five in all, and each place is taken from the one that shows it best. The surgical mask is found
        by itself; give `mask` (a picture of its shape; white = repaint) to say where it is, or `extent` ("lips",
        "lips-to-nose" or "lower-face") to take a region from landmarks. `face` and `reference_face` pick one of several
        faces of `photo` and `reference`, 0 = largest; of `references` the largest is taken. `points` is how many
        control points warp a reference. `grow` and `feather` are per cent of the distance between the
        eyes. `seed` 0 draws what is likeliest, another number another face that it could be.
        `case` is a name that stands in every table and in the report. `engine` is
        "inpainter", or "paper" for the paper's two networks alone. Returns the numbers (landmarks, references, seconds,
        weights, the SHA-256 of the photos' pixels), the result as PNG, the mask as used as PNG, the landmarks as CSV,
        and a ZIP of everything with the stages' pictures and a PDF report.
        """

        def run(photo: bytes, mask: bytes | None, reference: bytes | None, *others: Any) -> MaskRemovalResult:
            *more, progress = others
            pixels, painted = read_photo_and_mask(photo, mask)
            given = [one for one in (reference, *more) if one is not None]
            return self.engine.run(
                self.job,
                pixels,
                reference=[read_reference(one) for one in given],
                mask=painted,
                extent=extent,
                face=face,
                reference_face=[reference_face if one is reference else 0 for one in given],
                points=points,
                engine=engine,
                grow=grow,
                feather=feather,
                seed=seed,
                progress=progress,
            )

        return self.run_for_program(request, [photo, mask, reference, *(references or [])], case, run)


def note_html(result: MaskRemovalResult | None = None) -> str:
    """One line about a result: the mask, and how the reference was used."""
    if result is None:
        awaited = _("Where the mask came from and how the reference was used appear here.")
        return f'<p class="note note-empty">{awaited}</p>'
    mask = _("Mask {source}, {share} % of the photo").format(
        source=SOURCES[result.mask_source], share=figure(100 * mask_share(result), ".1f")
    )
    facts = [(mask, "")]
    if result.reference_yaw is None:
        facts.append((_("drawn without a reference"), ""))
    else:
        facts.append((_turned(result.reference_yaw), _("Yaw: how far the face is turned to a side.")))
        if len(result.references) > 1:
            each = _("{number} by {share} %")
            shares = ", ".join(
                each.format(number=one.number, share=figure(100 * one.share, ".0f")) for one in result.references
            )
            used = _("references used: {shares}").format(shares=shares)
            facts.append((used, _("How much of the hidden part each reference fills.")))
        trusted = _("trusted by {share} %").format(share=figure(100 * (mean_confidence(result) or 0.0), ".0f"))
        facts.append((trusted, _("Mean confidence in the warped reference over the hidden part.")))
    spans = "".join(
        f'<span title="{html.escape(meaning)}">{text}</span>' if meaning else f"<span>{text}</span>"
        for text, meaning in facts
    )
    return f'<p class="note">{spans}</p>'


def likeness_html(result: MaskRemovalResult) -> str:
    """The sentence about the likeness to the reference; nothing where there is none."""
    sentence = likeness_sentence(result)
    if sentence is None:
        return ""
    meaning = _("How much of the person came over, not whether the drawing is true.")
    return f'<p class="note-likeness" title="{meaning}">{html.escape(sentence)}</p>'


def _versions(more: int) -> list[tuple[str, str]]:
    """What a result can be drawn with, where there are so many references beside the first: name and value."""
    if not more:
        return [(_("With the reference"), ALL), (_("Without"), WITHOUT)]
    alone = [(_("{number} alone").format(number=number), str(number)) for number in range(1, more + 2)]
    return [(_("All references"), ALL), (_("Without"), WITHOUT), *alone]


def _turned(yaw: float) -> str:
    if abs(yaw) < _FRONTAL:
        return _("reference from the front")
    said = _("reference turned {angle}° to the right") if yaw > 0 else _("reference turned {angle}° to the left")
    return said.format(angle=figure(abs(yaw), ".0f"))


def found_base(photo: Photo, face: int) -> dict[str, Any]:
    """The surgical mask as the pipeline finds it, to lie under the strokes.

    Raises:
        SurgicalMaskNotFound: there is none.
    """
    chosen = pick_face(photo.faces, face)
    found = segment_mask(photo.pixels, chosen).cloth
    said = _("Mask found; repair it with the brush.")
    return add_base(photo, with_margin(found, chosen), said, {"face": face, "extent": None})


def read_reference(data: bytes) -> np.ndarray:
    """A reference photo, RGB ``uint8`` ``(H, W, 3)``; its errors say that it is meant, and not the photo.

    Raises:
        PhiltrumError: it cannot be read.
    """
    try:
        return read_image(data)
    except PhiltrumError as error:
        raise type(error)(_("The reference photo cannot be used. {error}").format(error=error)) from error
