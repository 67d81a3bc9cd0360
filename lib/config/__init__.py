"""Configuration: every option, its default and meaning, and how a file becomes one frozen copy."""

from lib.config.default import default_config
from lib.config.load import config_to_text, flat_items, load_config, notices
from lib.config.paths import log_directory, output_directory
from lib.config.skeleton import resolve_skeleton

__all__ = [
    "config_to_text",
    "default_config",
    "flat_items",
    "load_config",
    "log_directory",
    "notices",
    "output_directory",
    "resolve_skeleton",
]
