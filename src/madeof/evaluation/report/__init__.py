"""Reports of an evaluation: Markdown, HTML, charts."""
