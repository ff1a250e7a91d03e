"""What a run found: the headline figures, charts, and one self-contained page."""

from typing import TYPE_CHECKING

from patchlearn.core.rooms import on_first_use

if TYPE_CHECKING:
    from patchlearn.report.page import write_report as write_report
    from patchlearn.report.results import print_results as print_results
    from patchlearn.report.results import results_table as results_table

__getattr__, __dir__ = on_first_use(__name__, __file__)
