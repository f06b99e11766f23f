from __future__ import annotations

import subprocess
import sys

import pytest

from darkcall import testing


def test_each_public_name_is_there_and_listed():
    assert {name for name in testing.__all__ if hasattr(testing, name)} == set(testing.__all__)
    assert set(testing.__all__) <= set(dir(testing))


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'assert_equivalents'"):
        testing.assert_equivalents  # noqa: B018 -- it is to fail


def test_nothing_optional_is_imported_until_it_is_asked_for():
    code = (
        "import sys, darkcall.testing; darkcall.testing.strict; "
        "print({'hypothesis', 'pytest', 'cattrs'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.delitem(sys.modules, "darkcall.testing._equivalence", raising=False)
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(ImportError, match=r'pip install "darkcall\[testing\]"'):
        testing.assert_equivalent  # noqa: B018 -- it is to fail


def test_another_import_that_fails_is_told_as_it_is(monkeypatch):
    monkeypatch.delitem(sys.modules, "darkcall.testing._equivalence", raising=False)
    monkeypatch.setitem(sys.modules, "darkcall.testing._pair", None)
    with pytest.raises(ModuleNotFoundError, match=r"darkcall\.testing\._pair"):
        testing.assert_equivalent  # noqa: B018 -- it is to fail
