"""Reports of an evaluation: Markdown, HTML, charts."""

from madeof.evaluation.report.files import write_report

__all__ = ["write_report"]
