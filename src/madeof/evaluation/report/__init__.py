"""Reports of an evaluation: Markdown, HTML, charts."""

from madeof.evaluation.report.markdown import write_report

__all__ = ["write_report"]
