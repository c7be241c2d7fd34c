"""The rules: model → findings and strengths."""
