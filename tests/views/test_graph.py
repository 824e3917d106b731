"""What pictures of programs say: nodes, values, error signals, contributions, gates, masks."""

import numpy as np
import pytest
from graph_programs import PICTURES, five_children, two_layer_gradient, two_layer_values, two_layers

import pullback as pb
from pullback.errors import ProgramError, UsageError


def nodes_of(graph):
    return {node.var: node for node in graph.scene.nodes if node.kind != "output"}


def gates(function, *args):
    specs = {name: " ".join(map(str, np.shape(a))) for name, a in zip("xyzw", args, strict=False)}
    graph = pb.trace(function, **specs).to_graph(list(args))
    return {node.title: node.notes for node in graph.scene.nodes if node.notes}


x = np.array([1.0, -2.0, 3.0])


def test_there_is_a_node_for_each_input_equation_and_output():
    graph = two_layer_gradient().to_graph()
    titles = [node.title for node in graph.scene.nodes]
    assert titles == [
        *("x", "y", "W1", "W2"),
        *("· @ ·", "maximum(·, 0)", "· @ ·", "· - ·", "· ** 2", "sum(·)"),
        "return",
    ]


def test_before_a_run_wires_show_names_and_shapes():
    nodes = nodes_of(two_layer_gradient().to_graph())
    assert nodes["h"].value == ("h (N, H)",)
    assert nodes["h"].error == ("dh",)
    assert nodes["x"].value == ("(N, D)",)
    assert nodes["x"].error == ()


def test_after_a_run_wires_show_values_and_error_signals():
    values = two_layer_values()
    nodes = nodes_of(two_layer_gradient().to_graph(values))
    _, (dW1, _) = pb.value_and_grad(two_layers, wrt=["W1", "W2"])(**values)
    h = values["x"] @ values["W1"]
    assert nodes["h"].value == ("h (4, 3)", f"{h.min():.3g} … {h.max():.3g}")
    assert nodes["W1"].error == ("dW1", f"{dW1.min():.3g} … {dW1.max():.3g}")


def test_stopped_entries_are_counted():
    values = two_layer_values()
    graph = two_layer_gradient().to_graph(values)
    negative = np.count_nonzero(values["x"] @ values["W1"] < 0)
    note = f"{negative} of 12 stopped"
    assert nodes_of(graph)["h_relu"].notes == ("routes", note)
    assert f"Error signal: {negative} of 12 entries stopped" in graph.svg()


def test_an_error_signal_that_is_0_already_is_not_stopped():
    def f(x, y):
        return np.sum(np.maximum(x, 0) * y)

    values = [np.array([-1.0, -1.0, 2.0]), np.array([0.0, 3.0, 5.0])]
    graph = pb.grad(pb.trace(f, x="3", y="3"), wrt="x").to_graph(values)
    assert nodes_of(graph)["maximum"].notes == ("routes", "1 of 3 stopped")


@pytest.mark.parametrize(
    ("function", "stopped"),
    [
        (lambda x: np.sum(np.clip(x, -1, 2)), "2 of 3 stopped"),
        (lambda x: np.sum(np.where(x > 0, x, 0.0)), "1 of 3 stopped"),
        (lambda x: np.max(x), "2 of 3 stopped"),
        (lambda x: np.sum(x * (x > 0)), "1 of 3 stopped"),
    ],
)
def test_each_kind_of_mask_is_counted(function, stopped):
    assert stopped in [note for notes in gates(function, x).values() for note in notes]


@pytest.mark.parametrize(
    ("function", "title", "gate"),
    [
        (lambda x, y: np.sum(x + y), "· + ·", "distributes"),
        (lambda x, y: np.sum(x - y), "· - ·", "distributes, signs differ"),
        (lambda x, y: np.sum(x * y), "· * ·", "swaps"),
        (lambda x, y: np.sum(np.outer(x, y)), "outer(·, ·)", "swaps"),
        (lambda x, y: np.sum(np.maximum(x, y)), "maximum(·, ·)", "routes"),
        (lambda x, y: np.sum(x / y), "· / ·", "scales"),
        (lambda x, y: np.sum(np.tanh(x) + y), "tanh(·)", "scales"),
        (lambda x, y: np.sum(np.exp(x) + y), "exp(·)", "scales"),
        (lambda x, y: np.sum(x**2 + y), "· ** 2", "scales"),
        (lambda x, y: np.sum(-x + y), "-·", "passes, sign turned"),
        (lambda x, y: np.sum(x * y), "sum(·)", "spreads"),
        (lambda x, y: np.mean(x * y), "mean(·)", "spreads"),
        (lambda x, y: np.sum(x[1:] * y[0]), "·[1:]", "moves"),
        (lambda x, y: np.sum(np.concatenate([x, y])), "concatenate([·, ·], axis=0)", "moves"),
    ],
)
def test_gates_are_read_off_the_rules(function, title, gate):
    assert gates(function, x, x + 5)[title][0] == gate


def test_a_fork_shows_what_each_use_sends_back_and_their_sum():
    graph = pb.grad(pb.trace(five_children, x="3"), wrt="x").to_graph([x])
    assert nodes_of(graph)["x"].error[0] == "dx = sum of 5"
    sent = {
        node.title: [entry.contribution for entry in node.entries if entry.var == "x"]
        for node in graph.scene.nodes
    }
    assert sent["maximum(·, 0)"] == ["[1, 0, 3]"]
    assert sent["mean(·)"] == ["[0.333, 0.333, 0.333]"]
    total = pb.grad(five_children)(x)
    assert nodes_of(graph)["x"].error[1] == f"[{', '.join(f'{v:.3g}' for v in total)}]"
    assert next(fork.adds for fork in graph.picture.forks if fork.var == "x")


def test_a_fork_adds_only_where_several_error_signals_meet():
    def f(x):
        h = np.tanh(x)
        return np.sum(h * (h > 0))

    (fork,) = pb.trace(f, x="N").to_graph().picture.forks
    assert (fork.var, fork.adds) == ("h", False)


def test_a_rule_of_ones_own_is_named():
    def softsign(x):
        return x / (1 + np.abs(x))

    own = pb.custom_vjp(softsign, rule=lambda ct, out, x: ct / (1 + np.abs(x)) ** 2)
    nodes = nodes_of(pb.trace(lambda x: np.sum(own(x)), x="N").to_graph())
    assert nodes["with_rule"].title == "with_rule softsign(·)"
    assert nodes["with_rule"].description == "with_rule = with_rule softsign(divide), shape (N,)"
    assert nodes["divide"].error == ()


def test_before_a_run_contributions_are_formulas():
    graph = pb.grad(pb.trace(five_children, x="N"), wrt="x").to_graph()
    sent = {e.contribution for node in graph.scene.nodes for e in node.entries if e.contribution}
    assert {"dc * (x > 0)", "c * dmultiply_2", "1.0"} & sent == {"dc * (x > 0)"}


def test_one_use_shows_no_contribution():
    nodes = nodes_of(two_layer_gradient().to_graph(two_layer_values()))
    assert {e.contribution for e in nodes["y_pred"].entries} == {""}


def test_what_only_moves_entries_is_a_note_on_the_wire():
    graph = PICTURES["moves"]().to_graph()
    assert not {"transpose", "reshape"} & set(nodes_of(graph))
    notes = {e.var: e.note for node in graph.scene.nodes for e in node.entries if e.note}
    assert notes["W"] == ".T"
    entry = next(e for node in graph.scene.nodes for e in node.entries if e.var == "W")
    assert entry.signal


def test_a_contribution_through_a_move_is_shown_at_the_end_of_the_wire():
    def f(x, W):
        return np.sum(x @ W.T) + np.sum(W)

    graph = pb.grad(pb.trace(f, x="2 3", W="1 3"), wrt="W").to_graph(
        [np.ones((2, 3)), np.ones((1, 3))]
    )
    sent = {
        e.note: e.contribution for node in graph.scene.nodes for e in node.entries if e.var == "W"
    }
    assert sent == {".T": "[2, 2, 2]", "": "[1, 1, 1]"}


def test_a_forward_program_that_returns_no_loss_has_no_error_signals():
    graph = pb.trace(lambda x: np.tanh(x), x="N").to_graph()
    assert not graph.scene.has_errors
    assert "pb-back" not in graph.svg().split("</style>")[1]


def test_a_loss_is_drawn_with_its_backward_pass_unless_it_is_not_wanted():
    program = pb.trace(two_layers, x="N D", y="N C", W1="D H", W2="H C")
    assert program.to_graph().scene.has_errors
    assert not program.to_graph(backward=False).scene.has_errors


def test_vector_outputs_are_seeded_by_name():
    program = pb.trace(lambda x: np.tanh(x), x="N")
    (output,) = [n for n in program.to_graph(backward=True).scene.nodes if n.kind == "output"]
    assert output.entries[0].contribution == "ct"


def test_a_vjp_program_takes_its_cotangent_among_its_values():
    program = pb.trace(lambda x: np.tanh(x), x="N")
    from pullback.transforms import vjp_program

    vjp = vjp_program(program, program.inputs)
    graph = vjp.to_graph([np.zeros(3), np.array([1.0, 2.0, 3.0])])
    assert nodes_of(graph)["x"].error == ("dx", "[1, 2, 3]")


def test_a_gradient_from_a_file_shows_its_own_equations_by_stage():
    read = pb.Program.from_json(two_layer_gradient().to_json())
    graph = read.to_graph()
    assert {node.stage for node in graph.scene.nodes} == {"forward", "backward"}
    assert [n.title for n in graph.scene.nodes if n.kind == "output"] == ["dW1", "dW2"]
    assert not graph.scene.has_errors


def test_backward_of_a_program_without_floating_arguments_is_refused():
    program = pb.trace(lambda labels: labels + 1, labels="i8 N")
    with pytest.raises(UsageError, match="no floating argument"):
        program.to_graph(backward=True)


def test_values_are_checked_as_in_a_call():
    gradient = two_layer_gradient()
    with pytest.raises(ProgramError, match="'W2' is missing"):
        gradient.to_graph({name: v for name, v in two_layer_values().items() if name != "W2"})
    with pytest.raises(ProgramError, match=r"W1 has shape \(3, 5\)"):
        gradient.to_graph(two_layer_values() | {"W1": np.ones((3, 5))})
    with pytest.raises(UsageError, match="a dict by name or the arguments in order, not ndarray"):
        gradient.to_graph(np.ones(3))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"direction": "rigth"}, "Did you mean 'right'"),
        ({"most": 3}, "at least 10"),
        ({"most": 50.5}, "whole number"),
        ({"most": True}, "whole number"),
    ],
)
def test_settings_out_of_range_are_refused(settings, told):
    with pytest.raises(UsageError, match=told):
        two_layer_gradient().to_graph(**settings)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.float64(-0.0), "0"),
        (1e-5, "1e-5"),
        (np.array([1.0, 2.5, -3.0]), "[1, 2.5, -3]"),
        (np.full((4, 4), 0.125), "all 0.125"),
        (np.arange(20.0), "0 … 19"),
        (np.array([True, False, True, True]), "3 of 4 true"),
        (np.array([1.0, np.nan, np.inf, 0.0]), "2 of 4 not finite"),
        (np.zeros((0, 3)), "empty"),
        (7, "7"),
    ],
)
def test_values_in_few_characters(value, text):
    from pullback.views.graph.texts import summary

    assert summary(value) == text
