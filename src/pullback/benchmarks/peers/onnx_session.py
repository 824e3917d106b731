"""onnxruntime: an inference session of the network and the largest output's place."""

from __future__ import annotations

import os
from typing import Any

import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from ..workload import Case, Workload
from .protocol import Predict, Train

OPSET, IR_VERSION = 17, 8
"""Old enough for every onnxruntime of the last years."""


class Onnx:
    """`onnxruntime.InferenceSession`; it does not train here."""

    def version(self) -> str:
        """Of onnxruntime."""
        return str(onnxruntime.__version__)

    def flavours(self, work: Workload) -> tuple[str, ...]:
        """None: it predicts alone."""
        return ()

    def trainer(self, case: Case, flavour: str) -> Train:
        """It has none."""
        raise NotImplementedError

    def predictor(self, case: Case) -> Predict:
        """A session with as many threads as OMP_NUM_THREADS says."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0"))
        session = onnxruntime.InferenceSession(
            graph(case).SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

        def predict(X: Any) -> Any:
            return session.run(None, {"x": X})[0]

        return predict


def graph(case: Case) -> Any:
    """Gemm and Relu for each layer, then ArgMax."""
    nodes, values, before = [], [], "x"
    for number, layer in enumerate(case.layers, start=1):
        for kind, value in layer.items():
            values.append(numpy_helper.from_array(value, f"{kind}{number}"))
        nodes.append(helper.make_node("Gemm", [before, f"W{number}", f"b{number}"], [f"z{number}"]))
        before = f"z{number}"
        if number < len(case.layers):
            nodes.append(helper.make_node("Relu", [before], [f"h{number}"]))
            before = f"h{number}"
    nodes.append(helper.make_node("ArgMax", [before], ["label"], axis=1, keepdims=0))
    columns = case.workload.widths[0]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", columns])
    label = helper.make_tensor_value_info("label", TensorProto.INT64, ["N"])
    drawn = helper.make_graph(nodes, "network", [x], [label], values)
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(drawn, opset_imports=[opset], ir_version=IR_VERSION)


def engine(name: str) -> Onnx:
    """The engine."""
    return Onnx()
