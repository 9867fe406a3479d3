"""Hosts, judged by their spelling alone; nothing is looked up. Used where plain http or a token's way is at stake."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether the host is this machine: localhost, 127.0.0.0/8, ::1 (without brackets)."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
