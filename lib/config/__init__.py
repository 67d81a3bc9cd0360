"""Configuration: every option, its default and meaning, and how a file becomes one frozen copy."""

from lib.config.arguments import parse_arguments
from lib.config.bottom_up import AE_UDP, is_bottom_up, output_sizes
from lib.config.default import default_config
from lib.config.load import config_to_text, flat_items, load_config, notices
from lib.config.paths import log_directory, output_directory
from lib.config.recipe import batch_notice
from lib.config.skeleton import resolve_skeleton

__all__ = [
    "AE_UDP",
    "batch_notice",
    "config_to_text",
    "default_config",
    "flat_items",
    "is_bottom_up",
    "load_config",
    "log_directory",
    "notices",
    "output_directory",
    "output_sizes",
    "parse_arguments",
    "resolve_skeleton",
]
