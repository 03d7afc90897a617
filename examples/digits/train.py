#!/usr/bin/env python3
"""Trains the digits network and writes digits.onnx and digits_test.h beside itself.

A small convolutional network in plain numpy (forward, backward and Adam are all
below), trained on four fifths of scikit-learn's 8x8 digits; the other fifth never
meets the training and becomes digits_test.h. Everything is seeded, so a second run
on the same machine writes the same files.

    pip install -r scripts/requirements.txt -r scripts/requirements-train.txt
    python examples/digits/train.py
"""
import argparse
import pathlib
import time

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

HERE = pathlib.Path(__file__).resolve().parent
OPSET = 28
DEPTH = 16.0  # a pixel is 0 (paper) to 16 (ink)


# --- The layers: each returns its result, and a function from the result's gradient
# --- to the gradients of its input and parameters. Activations are [N, H, W, C].


def conv3x3(x, w, b):
    """Padding 1, stride 1; w is [9 * C, K], rows ordered (dy, dx, c)."""
    n, h, wd, c = x.shape
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    shifts = [(dy, dx) for dy in range(3) for dx in range(3)]
    columns = np.concatenate([padded[:, dy : dy + h, dx : dx + wd] for dy, dx in shifts], axis=3)
    columns = columns.reshape(-1, 9 * c)
    y = (columns @ w + b).reshape(n, h, wd, -1)

    def backward(dy_):
        flat = dy_.reshape(-1, w.shape[1])
        dcolumns = (flat @ w.T).reshape(n, h, wd, 9, c)
        dpadded = np.zeros_like(padded)
        for k, (dy, dx) in enumerate(shifts):
            dpadded[:, dy : dy + h, dx : dx + wd] += dcolumns[:, :, :, k]
        return dpadded[:, 1:-1, 1:-1], columns.T @ flat, flat.sum(0)

    return y, backward


def relu(x):
    return np.maximum(x, 0), lambda dy: dy * (x > 0)


def maxpool2x2(x):
    n, h, w, c = x.shape
    blocks = x.reshape(n, h // 2, 2, w // 2, 2, c)
    y = blocks.max(axis=(2, 4))
    mask = blocks == y[:, :, None, :, None]
    return y, lambda dy: (mask * dy[:, :, None, :, None]).reshape(x.shape)


def dense(x, w, b):
    return x @ w + b, lambda dy: (dy @ w.T, x.T @ dy, dy.sum(0))


def softmax_cross_entropy(logits, labels):
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    rows = np.arange(len(labels))
    loss = -np.log(p[rows, labels] + 1e-12).mean()
    p[rows, labels] -= 1
    return loss, p / len(labels)


# --- The network.


def initial(rng):
    he = lambda fan_in, *shape: rng.normal(0, np.sqrt(2 / fan_in), shape).astype(np.float32)
    zero = lambda n: np.zeros(n, np.float32)
    return [he(9, 9, 16), zero(16), he(144, 144, 32), zero(32), he(512, 512, 10), zero(10)]


def forward(params, x):
    """Logits, and a function from their gradient to the parameters' gradients."""
    w1, b1, w2, b2, w3, b3 = params
    x, conv1_back = conv3x3(x, w1, b1)
    x, relu1_back = relu(x)
    x, conv2_back = conv3x3(x, w2, b2)
    x, relu2_back = relu(x)
    x, pool_back = maxpool2x2(x)
    pooled = x.shape
    # ONNX flattens [C, H, W]; do the same, so that the dense weights fit.
    x, dense_back = dense(x.transpose(0, 3, 1, 2).reshape(len(x), -1), w3, b3)

    def backward(dlogits):
        d, dw3, db3 = dense_back(dlogits)
        n, h, w, c = pooled
        d = d.reshape(n, c, h, w).transpose(0, 2, 3, 1)
        d, dw2, db2 = conv2_back(relu2_back(pool_back(d)))
        _, dw1, db1 = conv1_back(relu1_back(d))
        return [dw1, db1, dw2, db2, dw3, db3]

    return x, backward


def accuracy(params, images, labels):
    return (forward(params, images)[0].argmax(1) == labels).mean()


def augment(images, rng):
    """Every image slightly turned, scaled, sheared and shifted (bilinear)."""
    n, h, w, _ = images.shape
    angle = rng.normal(0, 0.12, n)
    scale = np.exp(rng.normal(0, 0.07, (2, n)))
    shear = rng.normal(0, 0.08, n)
    shift = rng.normal(0, 0.35, (2, n))
    cos, sin = np.cos(angle), np.sin(angle)
    grid_y, grid_x = np.mgrid[0:h, 0:w] - (h - 1) / 2
    at = lambda a: a[:, None, None]
    ys = (at(cos) * grid_y - at(sin) * grid_x) * at(scale[0]) + at(shift[0]) + (h - 1) / 2
    xs = (at(sin + shear) * grid_y + at(cos) * grid_x) * at(scale[1]) + at(shift[1]) + (w - 1) / 2
    # A border of paper two pixels wide takes whatever falls outside.
    padded = np.pad(images[..., 0], ((0, 0), (2, 2), (2, 2)))
    ys, xs = np.clip(ys + 2, 0, h + 2.999), np.clip(xs + 2, 0, w + 2.999)
    y0, x0 = ys.astype(int), xs.astype(int)
    fy, fx = ys - y0, xs - x0
    k = np.arange(n)[:, None, None]
    out = (1 - fy) * ((1 - fx) * padded[k, y0, x0] + fx * padded[k, y0, x0 + 1])
    out += fy * ((1 - fx) * padded[k, y0 + 1, x0] + fx * padded[k, y0 + 1, x0 + 1])
    return out[..., None].astype(np.float32)


def train(images, labels, epochs, rng):
    """Adam with a cosine schedule; returns the average of the last epochs' weights."""
    params = initial(rng)
    m = [np.zeros_like(p) for p in params]
    v = [np.zeros_like(p) for p in params]
    average, averaged = [np.zeros_like(p) for p in params], 0
    step, batch = 0, 48
    steps = epochs * (len(images) // batch)
    for epoch in range(epochs):
        start, losses = time.time(), []
        x = augment(images, rng)
        order = rng.permutation(len(x))
        for i in range(0, len(x) - batch + 1, batch):
            pick = order[i : i + batch]
            logits, backward = forward(params, x[pick])
            loss, dlogits = softmax_cross_entropy(logits, labels[pick])
            losses.append(loss)
            step += 1
            rate = 3e-3 * 0.5 * (1 + np.cos(np.pi * step / (steps + 1)))
            for p, g, m_, v_ in zip(params, backward(dlogits.astype(np.float32)), m, v):
                m_ += 0.1 * (g - m_)
                v_ += 0.001 * (g * g - v_)
                p -= rate * (m_ / (1 - 0.9**step)) / (np.sqrt(v_ / (1 - 0.999**step)) + 1e-8)
        if epoch >= epochs - 5:
            average, averaged = [a + p for a, p in zip(average, params)], averaged + 1
        print(f"epoch {epoch + 1:3}: loss {np.mean(losses):.4f}, {time.time() - start:.1f} s")
    return [(a / averaged).astype(np.float32) for a in average]


# --- What it writes.


def to_onnx(params):
    w1, b1, w2, b2, w3, b3 = params
    kernel = lambda w, c: np.ascontiguousarray(w.reshape(3, 3, c, -1).transpose(3, 2, 0, 1))
    constants = {
        "depth": np.float32(DEPTH),
        "conv1.weight": kernel(w1, 1),
        "conv1.bias": b1,
        "conv2.weight": kernel(w2, 16),
        "conv2.bias": b2,
        "dense.weight": np.ascontiguousarray(w3.T),
        "dense.bias": b3,
    }
    conv = dict(kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    node = helper.make_node
    nodes = [
        node("Div", ["image", "depth"], ["ink"], "scale"),
        node("Conv", ["ink", "conv1.weight", "conv1.bias"], ["edges"], "conv1", **conv),
        node("Relu", ["edges"], ["edges_relu"], "relu1"),
        node("Conv", ["edges_relu", "conv2.weight", "conv2.bias"], ["strokes"], "conv2", **conv),
        node("Relu", ["strokes"], ["strokes_relu"], "relu2"),
        node("MaxPool", ["strokes_relu"], ["pooled"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        node("Flatten", ["pooled"], ["features"], "flatten", axis=1),
        node("Gemm", ["features", "dense.weight", "dense.bias"], ["scores"], "dense", transB=1),
        node("Softmax", ["scores"], ["probabilities"], "softmax", axis=1),
    ]
    image = helper.make_tensor_value_info(
        "image", TensorProto.FLOAT, [1, 1, 8, 8], "a digit, 8 x 8 pixels from 0 (paper) to 16 (ink)"
    )
    probabilities = helper.make_tensor_value_info(
        "probabilities", TensorProto.FLOAT, [1, 10], "how likely the image shows 0, 1, ... 9"
    )
    graph = helper.make_graph(
        nodes,
        "digits",
        [image],
        [probabilities],
        [numpy_helper.from_array(np.asarray(a), name) for name, a in constants.items()],
        "Reads a handwritten digit: two 3x3 convolutions, a pooling and one dense layer.",
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        producer_name="lathe-examples-digits",
        doc_string="Trained by examples/digits/train.py on four fifths of scikit-learn's digits "
        "(UCI Optical Recognition of Handwritten Digits).",
    )
    onnx.checker.check_model(model, full_check=True)
    return onnx.shape_inference.infer_shapes(model)


def write_test_header(path, images, labels):
    lines = [
        "/* The held-back images: written by train.py, never seen in training.",
        " * A line is the digit and its 8 x 8 pixels by rows, 'a' (0, paper) to 'q' (16, ink). */",
        f"#define DIGITS_TEST_COUNT {len(images)}",
        "static const struct {",
        "  int digit;",
        "  char pixels[65];",
        "} digits_test[DIGITS_TEST_COUNT] = {",
    ]
    for image, label in zip(images, labels):
        text = "".join(chr(ord("a") + int(p)) for p in image.reshape(-1))
        lines.append(f'    {{{label}, "{text}"}},')
    path.write_text("\n".join(lines) + "\n};\n")


def write_samples(folder, images, labels):
    """Four training images of each digit, for lathe's --calibrate."""
    chosen = [i for digit in range(10) for i in np.flatnonzero(labels == digit)[:4]]
    for number, i in enumerate(chosen):
        sample = folder / f"{number:02d}"
        sample.mkdir(parents=True, exist_ok=True)
        np.save(sample / "input_0.npy", images[i].reshape(1, 1, 8, 8).astype(np.float32))


def check(model, images, labels):
    """Runs the finished model by ONNX's reference and by ONNX Runtime where that can."""
    run = ReferenceEvaluator(model)
    predict = lambda f: np.array([f(i.reshape(1, 1, 8, 8).astype(np.float32)).argmax() for i in images])
    got = predict(lambda x: run.run(None, {"image": x})[0])
    print(f"reference evaluator: {(got == labels).sum()} of {len(labels)} held-back images right")
    try:
        import onnxruntime

        session = onnxruntime.InferenceSession(model.SerializeToString())
        same = (predict(lambda x: session.run(None, {"image": x})[0]) == got).all()
        print("ONNX Runtime agrees" if same else "ONNX Runtime DISAGREES")
    except Exception as error:  # it refuses opsets newer than itself
        print(f"ONNX Runtime: {str(error).splitlines()[0][:100]}")
    return (got == labels).mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, default=HERE)
    args = parser.parse_args()

    digits = load_digits()
    pixels, test_pixels, labels, test_labels = train_test_split(
        digits.images, digits.target, test_size=360, random_state=0, stratify=digits.target
    )
    scaled = lambda a: (a / DEPTH).astype(np.float32)[..., None]
    params = train(scaled(pixels), labels, args.epochs, np.random.default_rng(args.seed))
    print(f"training images right: {accuracy(params, scaled(pixels), labels):.2%}")

    model = to_onnx(params)
    right = check(model, test_pixels, test_labels)
    print(f"held-back images right: {right:.2%}")
    onnx.save(model, args.out / "digits.onnx")
    write_test_header(args.out / "digits_test.h", test_pixels, test_labels)
    write_samples(args.out / "samples", pixels, labels)
    print(f"wrote {args.out / 'samples'}, {args.out / 'digits.onnx'} and {args.out / 'digits_test.h'}")


if __name__ == "__main__":
    main()
