"""Manifests: what a kustomize overlay says, what a cluster has, and what applying the one to the other would change."""
