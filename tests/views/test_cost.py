"""What programs cost: counted by brute force, by hand, and against the Jacobian."""

import numpy as np
import pytest
from golden_programs import PROGRAMS, SHAPES, SIZES, forward, values_for

import pullback as pb
from pullback.avals import aval_of
from pullback.dims import axis, evaluate
from pullback.errors import UsageError
from pullback.primitive import REGISTRY
from pullback.views.cost import bytes_text, count_text

N, D, H, C = (axis(name) for name in "NDHC")


class Counted:
    """A number that counts the operations done with it."""

    count = 0

    def __init__(self, value):
        self.value = value

    def _done(self, value):
        Counted.count += 1
        return Counted(value)

    def __add__(self, other):
        return self._done(self.value + plain(other))

    def __sub__(self, other):
        return self._done(self.value - plain(other))

    def __mul__(self, other):
        return self._done(self.value * plain(other))

    def __truediv__(self, other):
        return self._done(self.value / plain(other))

    def __pow__(self, other):
        return self._done(self.value ** plain(other))

    def __neg__(self):
        return self._done(-self.value)

    def __abs__(self):
        return self._done(abs(self.value))

    def __gt__(self, other):
        Counted.count += 1
        return self.value > plain(other)

    __radd__, __rmul__ = __add__, __mul__
    __lt__ = __ge__ = __le__ = __gt__

    def conjugate(self):
        return self

    def sqrt(self):
        return self._done(self.value**0.5)

    def exp(self):
        return self._done(2.718281828459045**self.value)


def plain(x):
    return x.value if isinstance(x, Counted) else x


def operations(primitive, case):
    """How many operations NumPy does on numbers that count them."""
    inputs = [
        np.vectorize(Counted, otypes=[object])(x) if np.asarray(x).dtype == float else x
        for x in case.inputs
    ]
    Counted.count = 0
    primitive.evaluate(*inputs, **case.params)
    return Counted.count


EXACT = "add subtract multiply divide power negative abs sqrt exp greater less".split()
MOVERS = "transpose reshape expand_dims squeeze concatenate stack copy getitem".split()


def flops_of(primitive, case):
    avals = [aval_of(x) for x in case.inputs]
    return primitive.count_flops(avals, primitive.aval(*avals, **case.params), case.params)


@pytest.mark.parametrize("name", [*EXACT, *MOVERS, "outer"])
def test_the_operations_are_those_that_are_done(name):
    primitive = REGISTRY[name]
    for case in primitive.cases(np.random.default_rng(0)):
        given = [x for x in case.inputs if isinstance(x, np.ndarray)]
        if len(given) == len(case.inputs):
            assert flops_of(primitive, case) == operations(primitive, case)


@pytest.mark.parametrize("name", ["sum", "prod", "matmul", "max", "mean", "var"])
def test_a_sum_counts_one_addition_for_each_entry(name):
    """The convention counts n for n numbers, of which the first needs no addition."""
    primitive = REGISTRY[name]
    for case in primitive.cases(np.random.default_rng(0)):
        avals = [aval_of(x) for x in case.inputs]
        results = int(np.prod(primitive.aval(*avals, **case.params).shape))
        if name in ("mean", "var"):  # they divide besides
            assert flops_of(primitive, case) == operations(primitive, case)
        else:
            assert flops_of(primitive, case) == operations(primitive, case) + results


@pytest.mark.parametrize(
    ("subscripts", "flops"),
    [("ij,jk->ik", 2 * 24), ("i,i->", 2 * 4), ("i,j->ji", 3), ("ij->j", 12), ("ij,k->i", 2 * 24)],
)
def test_einsum_counts_its_products_and_its_sums(subscripts, flops):
    (case,) = (
        case
        for case in REGISTRY["einsum"].cases(np.random.default_rng(0))
        if case.params["subscripts"] == subscripts
    )
    assert flops_of(REGISTRY["einsum"], case) == flops


def test_every_primitive_that_is_not_entry_by_entry_says_what_it_does():
    free = {name for name, primitive in REGISTRY.items() if primitive.flops is None}
    movers = free - {name for name in free if REGISTRY[name].elementwise}
    assert movers == {
        *("transpose reshape broadcast_to expand_dims squeeze concatenate stack full".split()),
        *("astype as_scalar copy size getitem placed setitem take_along_axis".split()),
        *("one_hot with_rule".split()),
    }


def notes():
    return pb.grad(pb.trace(forward, **SHAPES), wrt=["W1", "W2"])


def test_the_lines_of_the_notes_in_letters():
    lines = {(line.name, line.stage): line for line in notes().cost().lines}
    assert lines["h", "forward"].amount.flops == 2 * N * D * H
    assert lines["h", "forward"].amount.read == 8 * N * D + 8 * D * H
    assert lines["h", "forward"].amount.written == 8 * N * H
    assert lines["dW1", "backward"].amount.flops == 2 * N * D * H
    assert lines["dh", "backward"].operations == ("greater", "multiply")
    assert lines["dh", "backward"].amount.flops == 2 * N * H
    # The comparison reads h and writes a byte per entry, the product reads both.
    assert lines["dh", "backward"].amount.read == 8 * N * H + 8 * N * H + N * H
    assert lines["dh", "backward"].amount.written == N * H + 8 * N * H


def test_the_lines_stand_in_the_order_of_the_source():
    def penalized(x, W):
        return np.sum(np.tanh(x @ W)) + np.sum(W**2)

    program = pb.grad(pb.trace(penalized, x="N D", W="D H"), wrt=["W", "x"])
    lines = [line.name for line in program.cost().lines if line.stage == "backward"]
    source = program.to_numpy()
    assert lines == sorted(lines, key=lambda name: source.index(f"{name} = "))
    assert lines != sorted(lines)


def test_the_stages_add_up():
    cost = notes().cost()
    assert set(cost.stages) == {"forward", "backward"}
    both = cost.stages["forward"] + cost.stages["backward"]
    assert (both.flops, both.moved) == (cost.total.flops, cost.total.moved)


@pytest.mark.parametrize("name", PROGRAMS)
def test_sizes_give_the_numbers_that_the_letters_stand_for(name):
    program = PROGRAMS[name]()
    sizes = {axis_name: SIZES[axis_name] for axis_name in program.axes}
    letters, numbers = program.cost(), program.cost(**sizes)
    for each, given in zip(letters.lines, numbers.lines, strict=True):
        assert evaluate(each.amount.flops, sizes) == given.amount.flops
        assert evaluate(each.amount.moved, sizes) == given.amount.moved
    assert isinstance(numbers.total.flops, int)
    assert "None" not in str(numbers)


@pytest.mark.parametrize("name", PROGRAMS)
def test_bytes_are_those_of_the_arrays(name):
    """Each operation reads its arrays and writes its result, counted as they are computed."""
    from pullback.tracing.replay import replay_values
    from pullback.transforms.retype import specialize

    program = PROGRAMS[name]()
    fixed = specialize(program, SIZES)
    given = dict(zip(fixed.argument_inputs, values_for(program), strict=True))
    values = replay_values(fixed, given)
    moved = 0
    for equation in fixed.equations:
        view = equation.primitive.view and len(equation.inputs) == 1
        if view or equation.out.aval.weak:
            continue
        arrays = {v for v in equation.inputs if v in values and not v.aval.weak}
        moved += sum(np.asarray(values[v]).nbytes for v in arrays)
        moved += np.asarray(values[equation.out]).nbytes
    sizes = {axis_name: SIZES[axis_name] for axis_name in program.axes}
    assert program.cost(**sizes).total.moved == moved


def test_a_slice_moves_nothing_and_a_gather_does():
    view = pb.trace(lambda x: x[:2].copy(), x="8 3").cost()
    assert view.total.moved == 2 * 2 * 3 * 8
    gather = pb.trace(lambda x, rows: x[rows], x="8 3", rows="i8 5").cost()
    assert gather.total.moved == 8 * 3 * 8 + 5 * 8 + 5 * 3 * 8


def test_what_is_kept_and_why():
    kept = {r.name: r for r in notes().cost().residuals}
    assert set(kept) == {"x", "W2", "h", "h_relu", "subtract"}
    assert kept["h_relu"].why == "dW2 reads it"
    assert kept["h_relu"].computed
    assert not kept["x"].computed
    assert kept["h"].bytes == 8 * N * H


def test_a_value_that_no_rule_reads_is_not_kept():
    program = pb.grad(pb.trace(lambda x: np.sum(np.exp(x) + x), x="N"), wrt="x")
    assert [r.name for r in program.cost().residuals if r.name == "x"] == []


def test_the_vjp_against_the_jacobian_that_is_never_built():
    program = pb.trace(lambda z: np.exp(z), z="D")
    (slope,) = program.cost(D=10**6).jacobians
    assert slope.shape == (10**6, 10**6)
    assert slope.vjp.flops == 10**6
    assert slope.vjp.moved == 3 * 8 * 10**6
    assert slope.flops == 2 * 10**12
    assert slope.bytes == 8 * 10**12
    text = str(program.cost(D=10**6))
    assert "24 MB" in text
    assert "8 TB" in text


def test_the_jacobian_has_the_size_that_is_said():
    """Built where it is small: its bytes and its product with v."""
    program = pb.trace(lambda z: np.exp(z), z="D")
    (slope,) = program.cost(D=7).jacobians
    z = np.linspace(-1, 1, 7)
    rows = [pb.vjp(np.exp, z)[1](row) for row in np.eye(7)]
    jacobian = np.array(rows).reshape(7, 7)
    assert jacobian.nbytes == slope.bytes
    assert 2 * jacobian.size == slope.flops


def test_a_gradient_lists_the_slopes_that_its_sweep_went_through():
    slopes = [(j.output, j.input) for j in notes().cost().jacobians]
    assert ("h", "W1") in slopes
    assert ("h", "x") not in slopes
    assert ("y_pred", "h_relu") in slopes


def test_the_table():
    cost = pb.trace(lambda x, w: np.maximum(x @ w, 0), x="f4 N D", w="f4 D C").cost(
        N=64, D=1000, C=10
    )
    assert f"{cost}\n" == TABLE
    html = cost._repr_html_()
    assert html.count("<table>") == 2
    assert "1.28 M" in html


TABLE = """\
cost of <lambda> for N=64, D=1000, C=10

forward
  line     shape      operations         FLOPs   bytes read   bytes written
  return   (64, 10)   matmul, maximum   1.28 M       299 kB         5.12 kB
  sum                                   1.28 M       299 kB         5.12 kB

Jacobians, never built
  slope              v J by rule: FLOPs     bytes   by Jacobian: FLOPs                    bytes of J
  dmatmul/dx                     1.28 M    299 kB               81.9 M    164 MB, (64, 10, 64, 1000)
  dmatmul/dw                     1.28 M    299 kB               12.8 M   25.6 MB, (64, 10, 1000, 10)
  dmaximum/dmatmul               1.28 k   8.96 kB                819 k     1.64 MB, (64, 10, 64, 10)
"""


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        ({"M": 3}, "cost: M is no axis of grad_forward; its named axes are: N, D, C, H."),
        ({"N": 0}, "cost: N must be a whole number >= 1, not 0."),
        ({"N": 2.5}, "cost: N must be a whole number >= 1, not 2.5."),
        ({"n": 3}, "cost: n is no axis of grad_forward; its named axes are: N, D, C, H."),
    ],
)
def test_sizes_that_do_not_fit_are_refused(sizes, sentence):
    with pytest.raises(UsageError) as error:
        notes().cost(**sizes)
    assert str(error.value) == sentence


@pytest.mark.parametrize(
    ("number", "flops", "bytes_"),
    [(0, "0", "0 B"), (640, "640", "640 B"), (51200, "51.2 k", "51.2 kB"), (10**12, "1 T", "1 TB")],
)
def test_numbers_for_people(number, flops, bytes_):
    assert count_text(number) == flops
    assert bytes_text(number) == bytes_


def test_polynomials_stay_letters_where_no_length_is_given():
    cost = notes().cost(N=64)
    assert cost.stages["forward"].flops == 128 * D * H + 128 * H * C + 64 * H + 64 * C
    assert bytes_text(8 * N * H) == "8*H*N B"
