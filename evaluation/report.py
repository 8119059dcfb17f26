"""Writes what came out of a run: results.json, results.csv and a self-contained report.html."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from evaluation import report_html as html
from evaluation import results as plain
from evaluation.pictures import Autoencoder, Curves, draw_curves, draw_latents, draw_weights
from evaluation.pose_pictures import PoseExamplePicture, draw_all_formats, draw_each_format
from posepile.skeletons import Skeleton

LATENTS_CAPTION = """Each numbered dot is one latent point, a weighted average of joints: blue for the
person's left, orange for the right, green for the middle; of two mirrored points the left one is that which
takes more of the left joints. Thin lines and small dots are a typical pose with the joints of all formats.
The person faces you in the front view. Some latent points may lie outside the body: weights may be
negative."""
WEIGHTS_CAPTION = """Every column of the lower picture says which latent points make up one joint; it sums
to one. Blue is a positive weight, orange a negative one, stronger colour a larger one. Columns of different
formats that look alike are joints that the autoencoder has found to be nearly the same point."""
FORMATS_CAPTION = """All skeletons that the network predicts for this image at once, a colour a format: over
the image, from the front, and from the side (left is nearer to the camera). Where formats agree, the lines
lie on each other. Separate heads come apart mostly in depth, which only the side view shows."""
EACH_CAPTION = """One format a row, prediction in colour. The truth is white over the image, grey in the
views from the front and from the side."""
METRICS_TEXT = """Measured on {images} held-out images whose truth is known in all formats at once. MPJPE is
the mean distance of a joint from where it should be, with the pelvis of each format at the origin; P-MPJPE
is the same after the best turn, shift and scale. PCK@100 counts joints that are off by less than 100 mm,
CPS@200 poses all of whose joints are off by less than 200 mm. Disagreement is the distance between the
predictions of one body point in two formats; it has a part in depth and one across the line of sight."""
SEEDS_TEXT = """Means over {seeds} seeds, ± their standard deviation."""
CONTROL_TEXT = """“Trained on” is the control: the separate heads for as many steps as the others, without
any consistency term. Merged joints, where shown, share one output wherever names are equal, so most of
their disagreement is zero by construction, right or wrong."""
AUTOENCODER_TEXT = """The network's own predictions teach how the {joints} joints of all formats hang
together: each of {latents} latent points is a weighted average of joints, each joint a weighted average of
latent points. Joints that mean the same end up as the same average, which is what pulls the formats
together."""


@dataclass(frozen=True, eq=False)
class Report:
    """What the page shows. Everything but the results may be empty."""

    results: Mapping[str, Any]
    """From `results.make_results`."""
    heading: str = "Many skeletons, one pose network"
    intro: Sequence[str] = ()
    """Paragraphs above the figures."""
    curves: Sequence[Curves] = ()
    autoencoder: Autoencoder | None = None
    skeleton: Skeleton | None = None
    """Of the poses of `examples`: joints of all formats and their edges."""
    examples: Sequence[PoseExamplePicture] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """Command, versions, seeds, times: what one needs to get the page again."""


def write_report(report: Report, folder: Path) -> Path:
    """Writes the three files into the folder; returns the path of report.html."""
    folder.mkdir(parents=True, exist_ok=True)
    plain.write_json(report.results, folder / "results.json")
    plain.write_csv(report.results, folder / "results.csv")
    path = folder / "report.html"
    path.write_text(html.page(report.heading, _body(report)), encoding="utf-8")
    return path


def _body(report: Report) -> list[str]:
    parts = [f"<h1>{escape(report.heading)}</h1>", *(html.text(paragraph) for paragraph in report.intro)]
    parts += [html.headline_cards(report.results), _variants(report.results)]
    if report.examples and report.skeleton:
        parts.append(_poses(report.examples, report.skeleton))
    if report.autoencoder:
        parts.append(_autoencoder(report.autoencoder))
    if report.curves:
        pictures = [html.picture(draw_curves(c), c.caption) for c in report.curves]
        parts.append(html.section("Learning curves", html.side_by_side(*pictures)))
    if report.provenance:
        parts.append(html.section("How this page came about", html.facts(report.provenance)))
    return parts


def _variants(results: Mapping[str, Any]) -> str:
    rows = results["variants"].values()
    explanation = METRICS_TEXT.format(images=next((row["n_examples"] for row in rows), 0))
    seeds = max((row["n_seeds"] for row in rows), default=1)
    if seeds > 1:
        explanation += " " + SEEDS_TEXT.format(seeds=seeds)
    return html.section(
        "How good the variants are",
        html.text(explanation),
        html.variants_table(results),
        html.text(CONTROL_TEXT, soft=True),
        html.checks_table(results),
        html.text("Mean joint error (MPJPE, mm) in each skeleton format:"),
        *html.all_format_tables(results),
    )


def _poses(examples: Sequence[PoseExamplePicture], skeleton: Skeleton) -> str:
    parts = []
    for i, example in enumerate(examples):
        parts.append(html.picture(draw_all_formats(example, skeleton), "" if i else FORMATS_CAPTION))
        for title in example.predicted:
            drawing = html.picture(draw_each_format(example, skeleton, title), EACH_CAPTION)
            parts.append(html.folded(f"{title}: true and predicted, format by format", drawing))
    return html.section("What it predicts", *parts)


def _autoencoder(acae: Autoencoder) -> str:
    n_joints, n_latents = acae.w1.shape
    return html.section(
        "The autoencoder",
        html.text(AUTOENCODER_TEXT.format(joints=n_joints, latents=n_latents)),
        html.facts(acae.facts),
        html.picture(draw_latents(acae), LATENTS_CAPTION),
        html.picture(draw_weights(acae), WEIGHTS_CAPTION, wide=True),
    )
