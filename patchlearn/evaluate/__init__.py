"""Measures of score maps and masks. They are read from files; no network is loaded."""

from typing import TYPE_CHECKING

from patchlearn.core.rooms import on_first_use

if TYPE_CHECKING:
    from patchlearn.evaluate.audit import AuditedPixels as AuditedPixels
    from patchlearn.evaluate.audit import AuditScores as AuditScores
    from patchlearn.evaluate.audit import Estimated as Estimated
    from patchlearn.evaluate.audit import audit_scores as audit_scores
    from patchlearn.evaluate.audit_sample import DrawnPixel as DrawnPixel
    from patchlearn.evaluate.audit_sample import draw_pixels as draw_pixels
    from patchlearn.evaluate.confusions import IouScores as IouScores
    from patchlearn.evaluate.confusions import confusion as confusion
    from patchlearn.evaluate.confusions import foreground_scores as foreground_scores
    from patchlearn.evaluate.confusions import iou_scores as iou_scores
    from patchlearn.evaluate.confusions import mean_iou as mean_iou
    from patchlearn.evaluate.contours import boundary_counts as boundary_counts
    from patchlearn.evaluate.contours import boundary_f as boundary_f
    from patchlearn.evaluate.judge import Entry as Entry
    from patchlearn.evaluate.judge import EntryFacts as EntryFacts
    from patchlearn.evaluate.judge import ScoreEvaluation as ScoreEvaluation
    from patchlearn.evaluate.judge import evaluate_masks as evaluate_masks
    from patchlearn.evaluate.judge import evaluate_scores as evaluate_scores
    from patchlearn.evaluate.peaks import peak_hits as peak_hits
    from patchlearn.evaluate.thresholds import THRESHOLDS as THRESHOLDS
    from patchlearn.evaluate.thresholds import ThresholdCurve as ThresholdCurve
    from patchlearn.evaluate.thresholds import curve_table as curve_table
    from patchlearn.evaluate.thresholds import predict_at as predict_at

__getattr__, __dir__ = on_first_use(__name__, __file__)
