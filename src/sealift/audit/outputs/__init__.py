"""The forms of a report: text for people, JSON, SARIF, Markdown, and a picture."""
