"""Manifests: what is rendered, what is refused, and what a repository is asked."""
