"""`kajitori check`: all faults of the configuration at once, before the bot is started with it."""

import argparse
import os

from bot.settings import load


def main(arguments: argparse.Namespace) -> int:
    """0 without faults; raises SettingsError with all of them otherwise."""
    settings = load(arguments.config, os.environ)
    catalog = settings.catalog
    environments, services = ", ".join(catalog.environments), ", ".join(catalog.services)
    print(f"{settings.path}: no faults. Environments: {environments}. Services: {services}.")
    return 0
