"""Keras networks, converted by tf2onnx."""
import dataclasses

import numpy as np


@dataclasses.dataclass
class Network:
    model: object
    feeds: list
    opset: int = 17

    def write(self, path):
        import tensorflow as tf
        import tf2onnx

        model = self.model
        for w in model.weights:  # what starts constant moves
            value = w.numpy()
            if value.dtype.kind == "f" and value.size > 1 and np.ptp(value) < 1e-6:
                w.assign(value + (0.1 * np.abs(np.random.randn(*value.shape))).astype(value.dtype))
        kinds = [tf.TensorSpec([None] + list(f.shape[1:]), f.dtype, name=f"x{i}") for i, f in enumerate(self.feeds)]
        function = tf.function(lambda *x: model(x[0] if len(x) == 1 else list(x), training=False), input_signature=kinds)
        tf2onnx.convert.from_function(function, input_signature=kinds, opset=self.opset, output_path=str(path))
        return self.feeds


def sequential(shape, *layers, kind="f", opset=17, batch=2, top=20):
    def make():
        import keras

        keras.utils.set_random_seed(7)
        inner = layers[0](keras.layers) if callable(layers[0]) else layers
        model = keras.Sequential([keras.Input(shape, dtype="int32" if kind == "i" else "float32"), *inner])
        x = np.random.randint(0, top, (batch, *shape)).astype(np.int32) if kind == "i" else np.random.randn(batch, *shape).astype(np.float32)
        return Network(model, [x], opset)

    return make


def attention():
    import keras

    L = keras.layers
    x = keras.Input((10, 16))
    y = L.MultiHeadAttention(4, 8)(x, x)
    y = L.LayerNormalization()(L.Add()([x, y]))
    z = L.Dense(16)(L.Dense(32, activation="gelu")(y))
    out = L.Dense(3, activation="softmax")(L.GlobalAveragePooling1D()(L.LayerNormalization()(L.Add()([y, z]))))
    return Network(keras.Model(x, out), [np.random.randn(2, 10, 16).astype("f")])


def cross_attention():
    import keras

    L = keras.layers
    a, b = keras.Input((6, 16)), keras.Input((9, 16))
    y = L.Attention()([a, b]), L.AdditiveAttention()([a, b])
    return Network(keras.Model([a, b], L.Concatenate()(list(y))), [np.random.randn(2, 6, 16).astype("f"), np.random.randn(2, 9, 16).astype("f")])


def unet():
    import keras

    L = keras.layers
    x = keras.Input((32, 32, 3))
    a = L.Conv2D(8, 3, padding="same", activation="relu")(x)
    b = L.Conv2D(16, 3, padding="same", activation="relu")(L.MaxPooling2D()(a))
    c = L.Conv2DTranspose(8, 2, strides=2, padding="same")(b)
    d = L.Concatenate()([a, c])
    e = L.UpSampling2D(interpolation="bilinear")(b)
    return Network(keras.Model(x, L.Conv2D(2, 1, activation="sigmoid")(L.Concatenate()([d, e]))), [np.random.randn(2, 32, 32, 3).astype("f")])


def application(name, size=64, **options):
    def make():
        import keras

        model = getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3), classes=10, **options)
        return Network(model, [np.random.randn(1, size, size, 3).astype("f")])

    return make


MODELS = {
    "dense": sequential((8,), lambda L: [L.Dense(16, activation="relu"), L.BatchNormalization(), L.Dropout(0.5), L.Dense(3, activation="softmax")]),
    "activations": sequential((8,), lambda L: [L.Dense(16, activation=a) for a in ("elu", "selu", "softplus", "softsign", "tanh", "sigmoid", "hard_sigmoid", "exponential", "swish", "gelu", "mish", "leaky_relu", "relu6", "log_softmax", "hard_silu", "celu", "squareplus", "sparse_plus", "hard_tanh", "tanh_shrink", "soft_shrink", "hard_shrink", "log_sigmoid")]),
    "cnn": sequential((28, 28, 1), lambda L: [L.Conv2D(8, 3, activation="relu"), L.MaxPooling2D(), L.Conv2D(16, 3, strides=2, padding="same"), L.BatchNormalization(), L.ReLU(), L.Flatten(), L.Dense(10, activation="softmax")]),
    "separable": sequential((16, 16, 4), lambda L: [L.SeparableConv2D(8, 3, padding="same"), L.DepthwiseConv2D(3, depth_multiplier=2), L.AveragePooling2D(2), L.PReLU(), L.GlobalMaxPooling2D()]),
    "conv1d": sequential((20, 4), lambda L: [L.Conv1D(8, 3, padding="causal", dilation_rate=2), L.MaxPooling1D(), L.Conv1DTranspose(4, 3, strides=2), L.ZeroPadding1D(2), L.Cropping1D(1), L.GlobalAveragePooling1D()]),
    "conv3d": sequential((8, 8, 8, 2), lambda L: [L.Conv3D(4, 3), L.MaxPooling3D(), L.Conv3DTranspose(3, 2, strides=2), L.AveragePooling3D(2), L.GlobalMaxPooling3D()]),
    "lstm": sequential((10, 8), lambda L: [L.LSTM(16, return_sequences=True), L.LSTM(8), L.Dense(2)]),
    "gru": sequential((10, 8), lambda L: [L.GRU(16, return_sequences=True), L.GRU(8, reset_after=False), L.Dense(2)]),
    "rnn": sequential((10, 8), lambda L: [L.SimpleRNN(16, return_sequences=True), L.SimpleRNN(8, go_backwards=True)]),
    "bilstm": sequential((10, 8), lambda L: [L.Bidirectional(L.LSTM(16, return_sequences=True)), L.Bidirectional(L.GRU(8)), L.Dense(2)]),
    "embedding": sequential((12,), lambda L: [L.Embedding(20, 8), L.LSTM(8), L.Dense(2, activation="sigmoid")], kind="i"),
    "embedding-mask": sequential((12,), lambda L: [L.Embedding(20, 8, mask_zero=True), L.GRU(8), L.Dense(2)], kind="i"),
    "convlstm": sequential((4, 8, 8, 2), lambda L: [L.ConvLSTM2D(4, 3, padding="same")]),
    "timedistributed": sequential((5, 8, 8, 2), lambda L: [L.TimeDistributed(L.Conv2D(4, 3)), L.TimeDistributed(L.Flatten()), L.LSTM(4)]),
    "norms": sequential((8, 8, 6), lambda L: [L.LayerNormalization(), L.GroupNormalization(3), L.UnitNormalization(), L.SpectralNormalization(L.Conv2D(4, 3)), L.RMSNormalization()]),
    "shapes": sequential((4, 6), lambda L: [L.Permute((2, 1)), L.Reshape((3, 8)), L.RepeatVector(2) if False else L.Flatten(), L.RepeatVector(3), L.Reshape((4, 6, 3)), L.UpSampling2D(), L.ZeroPadding2D(1), L.Cropping2D(1)]),
    "rescale": sequential((20, 20, 3), lambda L: [L.Rescaling(1 / 255.0), L.Resizing(13, 17), L.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0]), L.CenterCrop(9, 9)]),
    "attention": attention, "cross-attention": cross_attention, "unet": unet,
    "lstm-opset9": sequential((10, 8), lambda L: [L.LSTM(16, return_sequences=True), L.GRU(8), L.Dense(2)], opset=12),
}
for n, s in {"MobileNetV2": 64, "MobileNetV3Small": 64, "EfficientNetB0": 64, "EfficientNetV2B0": 64, "DenseNet121": 64, "ResNet50V2": 64, "NASNetMobile": 64, "Xception": 96, "ConvNeXtTiny": 64, "InceptionV3": 96, "VGG16": 64}.items():
    MODELS[n.lower()] = application(n, s)
MODELS = {f"keras/{k}": v for k, v in MODELS.items()}
