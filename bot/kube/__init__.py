"""Kubernetes: the only home of its SDK.

Called by use cases and loops through the Context; never imports another adapter.
"""
