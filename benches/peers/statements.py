"""The training steps of the peer bench, as ONNX graphs built by hand.

Shapes: X is B x D in [0, 1], Y is B x O one-hot, W1 is D x H, W2 is H x O; no biases. Squared error, summed over the batch:

    Z = X W1;  A = relu(Z);  E = A W2 - Y;  dW2 = A^T E;  dW1 = X^T ((E W2^T) * [Z > 0])

and without a hidden layer dW = X^T (X W - Y). In the form that can be chained the outputs are W - 2^-6 dW.
"""
import json

# name: (features D, hidden H or None, classes O, batch B, our profile)
SHAPES = {
    "quick": (8, 4, 3, 2, "toy"),
    "S5": (64, 32, 10, 8, "digits-tiny"),
    "S1": (784, None, 10, 64, "mnist-linear"),
    "S3": (784, 32, 10, 16, "profiles/mlp-784-32-10.toml"),
    "S4": (784, 128, 10, 64, "mnist-mlp"),
}
# What `--memory-limit` our side's second runs get: a little above the least that the training and the round proof need.
LIMITS = {"quick": "60MB", "S5": "60MB", "S1": "115MB", "S3": "70MB", "S4": "160MB"}
RATE = 2.0**-6


def data(name):
    """X, Y and the weights, the same in every run; a quarter of the features is not zero, as in MNIST."""
    import numpy as np

    features, hidden, classes, batch, _ = SHAPES[name]
    random = np.random.default_rng(7)
    x = random.random((batch, features)) * (random.random((batch, features)) < 0.25)
    y = np.eye(classes)[random.integers(0, classes, batch)]
    if hidden is None:
        weights = [random.normal(0, 0.05, (features, classes))]
    else:
        weights = [
            random.normal(0, (2.0 / features) ** 0.5, (features, hidden)),
            random.normal(0, (2.0 / hidden) ** 0.5, (hidden, classes)),
        ]
    return x, y, weights


def expected(name, chain):
    """The outputs in floating point."""
    import numpy as np

    x, y, weights = (np.float64(data(name)[0]), np.float64(data(name)[1]), data(name)[2])
    if len(weights) == 1:
        gradients = [x.T @ (x @ weights[0] - y)]
    else:
        z = x @ weights[0]
        a = np.maximum(z, 0)
        e = a @ weights[1] - y
        gradients = [x.T @ ((e @ weights[1].T) * (z > 0)), a.T @ e]
    return [w - RATE * g for w, g in zip(weights, gradients)] if chain else gradients


def write_onnx(name, model_path, input_path, chain):
    """Writes the graph and its inputs; `chain` makes the weights inputs and the next weights outputs."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    features, hidden, classes, batch, _ = SHAPES[name]
    x, y, weights = data(name)
    inputs = [("X", x), ("Y", y)]
    constants, nodes = {}, []

    def node(op, sources, target, **attributes):
        nodes.append(helper.make_node(op, sources, [target], name=target, **attributes))

    names = ["W"] if hidden is None else ["W1", "W2"]
    for weight_name, weight in zip(names, weights):
        if chain:
            inputs.append((weight_name, weight))
        else:
            constants[weight_name] = weight
    node("Transpose", ["X"], "XT", perm=[1, 0])
    if hidden is None:
        node("MatMul", ["X", "W"], "P")
        node("Sub", ["P", "Y"], "E")
        node("MatMul", ["XT", "E"], "dW")
        outputs = [("W", "dW", [features, classes])]
    else:
        constants["zero"] = np.zeros((1, 1))
        node("MatMul", ["X", "W1"], "Z")
        node("Relu", ["Z"], "A")
        node("MatMul", ["A", "W2"], "P")
        node("Sub", ["P", "Y"], "E")
        node("Transpose", ["A"], "AT", perm=[1, 0])
        node("MatMul", ["AT", "E"], "dW2")
        node("Transpose", ["W2"], "W2T", perm=[1, 0])
        node("MatMul", ["E", "W2T"], "G")
        node("Greater", ["Z", "zero"], "above")
        node("Cast", ["above"], "mask", to=TensorProto.FLOAT)
        node("Mul", ["G", "mask"], "masked")
        node("MatMul", ["XT", "masked"], "dW1")
        outputs = [("W1", "dW1", [features, hidden]), ("W2", "dW2", [hidden, classes])]
    results = []
    for weight_name, gradient, shape in outputs:
        if not chain:
            results.append((gradient, shape))
            continue
        constants["rate"] = np.full((1, 1), RATE)
        node("Mul", [gradient, "rate"], "scaled_" + gradient)
        node("Sub", [weight_name, "scaled_" + gradient], "next_" + weight_name)
        results.append(("next_" + weight_name, shape))

    def info(tensor, shape):
        return helper.make_tensor_value_info(tensor, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes,
        name,
        [info(tensor, list(value.shape)) for tensor, value in inputs],
        [info(tensor, shape) for tensor, shape in results],
        [numpy_helper.from_array(np.float32(value), tensor) for tensor, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save(model, model_path)
    with open(input_path, "w") as file:
        json.dump({"input_data": [np.float32(value).reshape(-1).tolist() for _, value in inputs]}, file)
