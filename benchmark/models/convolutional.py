"""The convolutional networks: those of torchvision, U-Net, and a small one for MNIST.

Batch normalisation that follows a convolution is folded into it, as PyTorch's exporter
does; `keep_norms` leaves it in the graph, as other exporters do. That of densenet which
precedes its convolution stays in any case.
"""
from builder import RELU, Graph


class Net(Graph):
    def __init__(self, name, keep_norms=False, **options):
        super().__init__(name, **options)
        self.keep_norms = keep_norms

    def conv_bn(self, x, cin, cout, kernel, stride=1, groups=1, gain=RELU, pad=None):
        if not self.keep_norms:
            return self.conv(x, cin, cout, kernel, stride, pad, groups, gain=gain)
        return self.batch_norm(self.conv(x, cin, cout, kernel, stride, pad, groups, bias=False, gain=gain), cout)

    def relu(self, x):
        return self.node("Relu", x)

    def max_pool(self, x, kernel=3, stride=2, pad=1, ceil=0):
        return self.node("MaxPool", x, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4, ceil_mode=ceil)

    def classifier(self, x, channels, classes=1000):
        x = self.node("Flatten", self.node("GlobalAveragePool", x), axis=1)
        self.output(self.gemm(x, channels, classes), "output", [1, classes])
        return self

    def image(self, size=224, channels=3):
        return self.input("input", [1, channels, size, size])


def resnet(name, layers, bottleneck, keep_norms):
    g = Net(name, keep_norms)
    x = g.relu(g.conv_bn(g.image(), 3, 64, 7, 2))
    x, cin = g.max_pool(x), 64
    for stage, blocks in enumerate(layers):
        width = 64 << stage
        cout = width * (4 if bottleneck else 1)
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            with g.scope(f"layer{stage + 1}"), g.scope(f"layer{stage + 1}.{block}"):
                if bottleneck:
                    y = g.relu(g.conv_bn(x, cin, width, 1))
                    y = g.relu(g.conv_bn(y, width, width, 3, stride))
                    y = g.conv_bn(y, width, cout, 1, gain=0.4)
                else:
                    y = g.relu(g.conv_bn(x, cin, width, 3, stride))
                    y = g.conv_bn(y, width, cout, 3, gain=0.4)
                if stride != 1 or cin != cout:
                    x = g.conv_bn(x, cin, cout, 1, stride, gain=1)
                x, cin = g.relu(g.node("Add", y, x)), cout
    return g.classifier(x, cin)


def resnet18(keep_norms=False):
    return resnet("resnet18", [2, 2, 2, 2], False, keep_norms)


def resnet50(keep_norms=False):
    return resnet("resnet50", [3, 4, 6, 3], True, keep_norms)


def vgg16(keep_norms=False):
    g = Net("vgg16")
    x, cin = g.image(), 3
    for width in [64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0]:
        with g.scope("features"):
            if width:
                x, cin = g.relu(g.conv(x, cin, width, 3)), width
            else:
                x = g.max_pool(x, 2, 2, 0)
    # AdaptiveAvgPool2d to the size that it is of already.
    x = g.node("AveragePool", x, kernel_shape=[1, 1], strides=[1, 1])
    x = g.node("Flatten", x, axis=1)
    with g.scope("classifier"):
        x = g.relu(g.gemm(x, 512 * 49, 4096, RELU))
        x = g.relu(g.gemm(x, 4096, 4096, RELU))
        g.output(g.gemm(x, 4096, 1000), "output", [1, 1000])
    return g


def mobilenet_v2(keep_norms=False):
    g = Net("mobilenet_v2", keep_norms)
    x, cin = g.relu6(g.conv_bn(g.image(), 3, 32, 3, 2)), 32
    for expand, cout, repeats, first_stride in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
                                                (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]:
        for i in range(repeats):
            stride, hidden = first_stride if i == 0 else 1, cin * expand
            with g.scope(f"features.{len(g.nodes)}"):
                y = g.relu6(g.conv_bn(x, cin, hidden, 1)) if expand != 1 else x
                y = g.relu6(g.conv_bn(y, hidden, hidden, 3, stride, groups=hidden))
                y = g.conv_bn(y, hidden, cout, 1, gain=0.8)
                x = g.node("Add", x, y) if stride == 1 and cin == cout else y
            cin = cout
    x = g.relu6(g.conv_bn(x, cin, 1280, 1))
    return g.classifier(x, 1280)


def squeeze_excite(g, x, channels, squeezed, inner, gate):
    y = g.node("GlobalAveragePool", x)
    y = inner(g.conv(y, channels, squeezed, 1))
    return g.node("Mul", gate(g.conv(y, squeezed, channels, 1)), x)


def mobilenet_v3_large(keep_norms=False):
    g = Net("mobilenet_v3_large", keep_norms, opset=13)
    x, cin = g.hard_swish(g.conv_bn(g.image(), 3, 16, 3, 2)), 16
    table = [  # kernel, expanded, out, squeeze-and-excite, hard-swish, stride
        (3, 16, 16, False, False, 1), (3, 64, 24, False, False, 2), (3, 72, 24, False, False, 1),
        (5, 72, 40, True, False, 2), (5, 120, 40, True, False, 1), (5, 120, 40, True, False, 1),
        (3, 240, 80, False, True, 2), (3, 200, 80, False, True, 1), (3, 184, 80, False, True, 1),
        (3, 184, 80, False, True, 1), (3, 480, 112, True, True, 1), (3, 672, 112, True, True, 1),
        (5, 672, 160, True, True, 2), (5, 960, 160, True, True, 1), (5, 960, 160, True, True, 1)]
    squeezed = {72: 24, 120: 32, 480: 120, 672: 168, 960: 240}
    for index, (kernel, hidden, cout, se, hs, stride) in enumerate(table):
        # Both forms of hard-swish that exporters write.
        act = (g.hard_swish if index % 2 else g.hard_swish_clip) if hs else g.relu
        with g.scope("features"), g.scope(f"features.{index + 1}"):
            y = act(g.conv_bn(x, cin, hidden, 1)) if hidden != cin else x
            y = act(g.conv_bn(y, hidden, hidden, kernel, stride, groups=hidden))
            if se:
                y = squeeze_excite(g, y, hidden, squeezed[hidden], g.relu,
                                   lambda v: g.node("HardSigmoid", v, alpha=1 / 6, beta=0.5))
            y = g.conv_bn(y, hidden, cout, 1, gain=1.2)
            x = g.node("Add", y, x) if stride == 1 and cin == cout else y
        cin = cout
    x = g.hard_swish(g.conv_bn(x, 160, 960, 1))
    x = g.node("Flatten", g.node("GlobalAveragePool", x), axis=1)
    x = g.hard_swish(g.gemm(x, 960, 1280, RELU))
    g.output(g.gemm(x, 1280, 1000), "output", [1, 1000])
    return g


def efficientnet_b0(keep_norms=False):
    g = Net("efficientnet_b0", keep_norms)
    x, cin = g.silu(g.conv_bn(g.image(), 3, 32, 3, 2)), 32
    for stage, (expand, kernel, first_stride, cout, repeats) in enumerate(
            [(1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3),
             (6, 5, 2, 192, 4), (6, 3, 1, 320, 1)]):
        for i in range(repeats):
            stride, hidden = first_stride if i == 0 else 1, cin * expand
            with g.scope(f"features.{stage + 1}"), g.scope(f"features.{stage + 1}.{i}"):
                y = g.silu(g.conv_bn(x, cin, hidden, 1, gain=1.7)) if expand != 1 else x
                y = g.silu(g.conv_bn(y, hidden, hidden, kernel, stride, groups=hidden, gain=1.7))
                y = squeeze_excite(g, y, hidden, max(1, cin // 4), g.silu, lambda v: g.node("Sigmoid", v))
                y = g.conv_bn(y, hidden, cout, 1, gain=1)
                x = g.node("Add", y, x) if stride == 1 and cin == cout else y
            cin = cout
    x = g.silu(g.conv_bn(x, cin, 1280, 1, gain=1.7))
    return g.classifier(x, 1280)


def squeezenet1_1(keep_norms=False):
    g = Net("squeezenet1_1")
    x, cin = g.relu(g.conv(g.image(), 3, 64, 3, 2, pad=0)), 64
    for squeeze, expand, pool in [(16, 64, 1), (16, 64, 0), (32, 128, 1), (32, 128, 0), (48, 192, 1), (48, 192, 0),
                                  (64, 256, 0), (64, 256, 0)]:
        with g.scope(f"features.{len(g.nodes)}"):
            if pool:
                x = g.max_pool(x, 3, 2, 0, ceil=1)
            y = g.relu(g.conv(x, cin, squeeze, 1))
            x = g.node("Concat", g.relu(g.conv(y, squeeze, expand, 1)), g.relu(g.conv(y, squeeze, expand, 3)), axis=1)
        cin = 2 * expand
    x = g.relu(g.conv(x, 512, 1000, 1))
    g.output(g.node("Flatten", g.node("GlobalAveragePool", x), axis=1), "output", [1, 1000])
    return g


def densenet121(keep_norms=False):
    g = Net("densenet121", keep_norms)
    x, cin = g.max_pool(g.relu(g.conv_bn(g.image(), 3, 64, 7, 2))), 64
    for block, layers in enumerate([6, 12, 24, 16]):
        features = [x]
        for layer in range(layers):
            with g.scope("features"), g.scope(f"denseblock{block + 1}"), g.scope(f"denselayer{layer + 1}"):
                y = g.node("Concat", *features, axis=1)
                y = g.relu(g.batch_norm(y, cin))
                y = g.relu(g.conv_bn(y, cin, 128, 1))
                features.append(g.conv(y, 128, 32, 3, bias=False))
                cin += 32
        x = g.node("Concat", *features, axis=1)
        if block < 3:
            with g.scope("features"), g.scope(f"transition{block + 1}"):
                x = g.conv(g.relu(g.batch_norm(x, cin)), cin, cin // 2, 1, bias=False)
                x = g.node("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
                cin //= 2
    return g.classifier(g.relu(g.batch_norm(x, cin)), cin)


def shufflenet_v2_x1(keep_norms=False):
    g = Net("shufflenet_v2_x1", keep_norms)

    def branch(x, cin, cout, stride):
        x = g.relu(g.conv_bn(x, cin, cout, 1))
        x = g.conv_bn(x, cout, cout, 3, stride, groups=cout, gain=1)
        return g.relu(g.conv_bn(x, cout, cout, 1))

    x, cin, side = g.max_pool(g.relu(g.conv_bn(g.image(), 3, 24, 3, 2))), 24, 56
    for stage, (repeats, cout) in enumerate([(4, 116), (8, 232), (4, 464)]):
        side //= 2
        for i in range(repeats):
            with g.scope(f"stage{stage + 2}"), g.scope(f"stage{stage + 2}.{i}"):
                half = cout // 2
                if i == 0:
                    left = g.conv_bn(x, cin, cin, 3, 2, groups=cin, gain=1)
                    left = g.relu(g.conv_bn(left, cin, half, 1))
                    right = branch(x, cin, half, 2)
                else:
                    left, right = g.node("Split", x, g.constant([half, half]), outputs=2, axis=1)
                    right = branch(right, half, half, 1)
                x = g.node("Concat", left, right, axis=1)
                # The channel shuffle.
                x = g.transpose(g.reshape(x, 1, 2, half, side, side), 0, 2, 1, 3, 4)
                x = g.reshape(x, 1, cout, side, side)
            cin = cout
    x = g.relu(g.conv_bn(x, cin, 1024, 1))
    x = g.node("ReduceMean", x, axes=[2, 3], keepdims=0)
    g.output(g.gemm(x, 1024, 1000), "output", [1, 1000])
    return g


def unet(keep_norms=False):
    """Three channels of 256 x 256 to one map of probabilities; 32 features at the top."""
    g = Net("unet", keep_norms)

    def block(x, cin, cout):
        return g.relu(g.conv_bn(g.relu(g.conv_bn(x, cin, cout, 3)), cout, cout, 3))

    x, cin, skips = g.image(256), 3, []
    for level in range(4):
        with g.scope(f"encoder{level + 1}"):
            x = block(x, cin, 32 << level)
            skips.append(x)
            x, cin = g.max_pool(x, 2, 2, 0), 32 << level
    with g.scope("bottleneck"):
        x = block(x, cin, 512)
    for level in reversed(range(4)):
        width = 32 << level
        with g.scope(f"decoder{level + 1}"):
            x = g.node("ConvTranspose", x, g.weight(g.normal((2 * width, width, 2, 2), 1 / (2 * width) ** 0.5)),
                       g.weight(g.normal(width, 0.05), "bias"), kernel_shape=[2, 2], strides=[2, 2], pads=[0] * 4,
                       dilations=[1, 1], group=1)
            x = block(g.node("Concat", x, skips[level], axis=1), 2 * width, width)
    g.output(g.node("Sigmoid", g.conv(x, 32, 1, 1, gain=1)), "output", [1, 1, 256, 256])
    return g


def mnist_cnn(keep_norms=False):
    """PyTorch's example for MNIST."""
    g = Net("mnist_cnn")
    x = g.relu(g.conv(g.image(28, 1), 1, 32, 3, pad=0))
    x = g.relu(g.conv(x, 32, 64, 3, pad=0))
    x = g.node("Flatten", g.max_pool(x, 2, 2, 0), axis=1)
    x = g.relu(g.gemm(x, 9216, 128, RELU))
    g.output(g.node("LogSoftmax", g.gemm(x, 128, 10), axis=1), "output", [1, 10])
    return g


NETWORKS = [resnet50, resnet18, vgg16, mobilenet_v2, mobilenet_v3_large, efficientnet_b0, squeezenet1_1, densenet121,
            shufflenet_v2_x1, unet, mnist_cnn]
