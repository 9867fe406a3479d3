"""`kajitori check`: all faults of the configuration at once, before the bot is started with it."""

import argparse
import os

from bot.manifests import find_binary, find_git
from bot.settings import load


def main(arguments: argparse.Namespace) -> int:
    """0 without faults; raises SettingsError with all of them otherwise."""
    settings = load(arguments.config, os.environ)
    catalog = settings.catalog
    environments, services = ", ".join(catalog.environments), ", ".join(catalog.services)
    print(f"{settings.path}: no faults. Environments: {environments}. Services: {services}.")
    if any(service.manifests for service in catalog.services.values()):
        programs = {"kustomize or kubectl": find_binary(settings.git.kustomize), "git": find_git()}
        for name, path in programs.items():
            print(f"Manifests need {name}: {path or 'not found here; install it where the bot runs'}.")
    return 0
