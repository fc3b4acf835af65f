# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ANN204, ARG002, S102
"""The least importer over an image, so that tests of the launcher need no other.

It runs frozen in the tree, before annotations could be imported.
"""

import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import ExtensionFileLoader

import _sealift

MODULE, PACKAGE, EXTENSION = 1, 2, 4


class Loader:
    def __init__(self, index):
        self.index = index

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(_sealift.code(self.index), vars(module))

    def get_code(self, name):
        return _sealift.code(self.index)

    def get_source(self, name):
        source = _sealift.source(self.index)
        return None if source is None else source.decode()

    def is_package(self, name):
        return False


class Finder:
    def __init__(self, path):
        if path != _sealift.root and not path.startswith(_sealift.root + "/"):
            raise ImportError(path)
        self.folder = path[len(_sealift.root) + 1 :]

    def find_spec(self, name, target=None):
        found = _sealift.find(f"{self.folder}/{name.rpartition('.')[2]}")
        if found is None:
            return None
        flags, index, file = found
        if flags & EXTENSION:
            path = _sealift.native(file)
            return ModuleSpec(name, ExtensionFileLoader(name, path), origin=path)
        if not flags & MODULE:
            return None
        spec = ModuleSpec(name, Loader(index), origin=file, is_package=bool(flags & PACKAGE))
        spec.has_location = True
        if flags & PACKAGE:
            spec.submodule_search_locations = [file.rpartition("/")[0]]
        return spec


def install():
    sys.path_hooks.insert(0, Finder)
    sys.path_importer_cache.clear()


def import_entry():
    import main

    return main.main


def call_entry(entry):
    sys.exit(entry())
