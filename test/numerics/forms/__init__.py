"""Forms by family: every module here is a part of the table."""
import importlib
import pkgutil

from .graph import FORMS, Graph  # noqa: F401

for module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{module.name}")
