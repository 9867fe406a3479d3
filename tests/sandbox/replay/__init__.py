"""Replay of recorded Kubernetes scenarios against the sandbox: what was recorded, how two runs are compared."""
