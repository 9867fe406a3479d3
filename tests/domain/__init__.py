"""The domain: pure rules, no fixtures, hypothesis."""
