"""Every primitive as mathematics writes it: the formula's value is the primitive's value."""

import numpy as np
import pytest
from formula_values import Evaluator
from printed_checks import check_latex, check_mathml

from pullback.avals import aval_of
from pullback.formula import Manner, latex, layout, mathml, plain, tree
from pullback.formula.build import number, symbol
from pullback.primitive import REGISTRY

ALL = sorted(REGISTRY)
ONLY_NAMED = {
    "one_hot",
    "uniform",
    "product_of_others",
    "take_along_axis",
    "scatter_along_axis",
}
"""Written as functions with their own name, since mathematics has no other sign for them."""


def formula_of_case(name, case):
    """The formula of a primitive on a case, and the values of its letters."""
    primitive = REGISTRY[name]
    letters, parts = {}, []
    for place, value in enumerate(case.inputs):
        if isinstance(value, np.ndarray):
            key = f"x{place}"
            letters[key] = value
            parts.append(symbol(key, value.shape))
        else:
            parts.append(number(value))
    aval = primitive.aval(*map(aval_of, case.inputs), **case.params)
    return primitive.formula(parts, case.params, aval.shape), letters


def cases(name):
    return REGISTRY[name].cases(np.random.default_rng(7))


@pytest.mark.parametrize("name", ALL)
def test_the_formula_has_the_value_and_the_shape_of_the_primitive(name):
    for case in cases(name):
        formula, letters = formula_of_case(name, case)
        expected = np.asarray(REGISTRY[name].evaluate(*case.inputs, **case.params))
        found = np.asarray(Evaluator(letters, {})(formula))
        assert formula.shape == expected.shape
        assert found.shape == expected.shape
        np.testing.assert_allclose(found * 1.0, expected * 1.0, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", ALL)
def test_it_prints_well_formed_in_every_form(name):
    for case in cases(name):
        formula, _ = formula_of_case(name, case)
        box = layout(formula, Manner()).box
        check_latex(latex(box))
        check_mathml(mathml(box))
        text = plain(layout(formula, Manner(one_line=True)).box)
        assert text
        assert text == text.strip()


@pytest.mark.parametrize("name", ALL)
def test_only_what_mathematics_has_no_sign_for_is_written_with_its_own_name(name):
    written = REGISTRY[name].notation is not None or name in ONLY_NAMED
    assert written


@pytest.mark.parametrize("name", ALL)
def test_no_index_is_left_free(name):
    for case in cases(name):
        formula, _ = formula_of_case(name, case)
        assert free_indices(formula) == set()


def free_indices(formula):
    inner = set().union(*map(free_indices, formula.parts))
    if isinstance(formula, tree.Over):
        return inner - set(formula.indices)
    if isinstance(formula, tree.Indexed):
        return inner | {s for s in formula.subscripts if isinstance(s, tree.Index)}
    return inner
