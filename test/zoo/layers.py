"""Torch networks by hand: audio, super-resolution, sequences, graphs, and single layers in unusual forms."""
import math

from .exporting import Spec


def build(make):
    """make(torch, nn) -> (module, args, dynamic)"""
    def maker():
        import torch

        module, args, *rest = make(torch, torch.nn)
        return Spec(module, args, *rest)

    return maker


def function(body, *args, dynamic=(), opset=0):
    """A model of one function of tensors; args are made by functions of torch."""
    def maker():
        import torch

        class Module(torch.nn.Module):
            def forward(self, *inputs):
                return body(torch, *inputs)

        return Spec(Module(), tuple(a(torch) for a in args), dynamic, opset=opset)

    return maker


def normal(*shape):
    return lambda torch: torch.randn(*shape)


def whole(high, *shape):
    return lambda torch: torch.randint(0, high, shape)


def conv_tasnet(torch, nn):
    class Block(nn.Module):
        def __init__(self, c, h, d):
            super().__init__()
            self.net = nn.Sequential(nn.Conv1d(c, h, 1), nn.PReLU(), nn.GroupNorm(1, h), nn.Conv1d(h, h, 3, dilation=d, padding=d, groups=h), nn.PReLU(), nn.GroupNorm(1, h))
            self.res, self.skip = nn.Conv1d(h, c, 1), nn.Conv1d(h, c, 1)

        def forward(self, x):
            y = self.net(x)
            return x + self.res(y), self.skip(y)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.enc, self.dec = nn.Conv1d(1, 32, 16, 8), nn.ConvTranspose1d(32, 1, 16, 8)
            self.norm, self.blocks = nn.GroupNorm(1, 32), nn.ModuleList(Block(32, 64, 2**k) for k in range(4))
            self.mask = nn.Conv1d(32, 64, 1)

        def forward(self, x):
            w = torch.relu(self.enc(x))
            y, total = self.norm(w), 0
            for b in self.blocks:
                y, s = b(y)
                total = total + s
            m = torch.sigmoid(self.mask(total)).view(x.shape[0], 2, 32, -1)
            return self.dec((m * w.unsqueeze(1)).flatten(0, 1)).view(x.shape[0], 2, -1)

    return Net(), (torch.randn(1, 1, 800),), ({2: "samples"},)


def tcn(torch, nn):
    class Chomp(nn.Module):
        def forward(self, x):
            return x[:, :, :-4]

    block = lambda i, o: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv1d(i, o, 3, padding=4, dilation=2)), Chomp(), nn.ReLU(), nn.Dropout(0.1))
    return nn.Sequential(block(4, 16), block(16, 16), nn.Conv1d(16, 3, 1)), (torch.randn(2, 4, 40),), ({0: "batch", 2: "time"},)


def wavenet(torch, nn):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Conv1d(1, 16, 1)
            self.gates = nn.ModuleList(nn.Conv1d(16, 32, 2, dilation=2**k) for k in range(5))
            self.outs = nn.ModuleList(nn.Conv1d(16, 16, 1) for _ in range(5))
            self.last = nn.Conv1d(16, 8, 1)

        def forward(self, x):
            x = self.first(x)
            skips = 0
            for k, (g, o) in enumerate(zip(self.gates, self.outs)):
                a, b = g(nn.functional.pad(x, (2**k, 0))).chunk(2, 1)
                y = o(torch.tanh(a) * torch.sigmoid(b))
                x, skips = x + y, skips + y
            return self.last(torch.relu(skips)).softmax(1)

    return Net(), (torch.randn(1, 1, 100),), ({2: "time"},)


def tacotron(torch, nn):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.emb = nn.Embedding(30, 16)
            self.convs = nn.Sequential(nn.Conv1d(16, 16, 5, padding=2), nn.BatchNorm1d(16), nn.ReLU())
            self.enc = nn.LSTM(16, 8, bidirectional=True, batch_first=True)
            self.att, self.cell = nn.MultiheadAttention(16, 2, batch_first=True), nn.LSTMCell(32, 16)
            self.out = nn.Linear(16, 10)

        def forward(self, ids):
            m, _ = self.enc(self.convs(self.emb(ids).transpose(1, 2)).transpose(1, 2))
            h = c = torch.zeros(ids.shape[0], 16)
            q, frames = m[:, :1], []
            for _ in range(4):
                ctx, w = self.att(q, m, m)
                h, c = self.cell(torch.cat([ctx[:, 0], h], 1), (h, c))
                q = h.unsqueeze(1)
                frames.append(self.out(h))
            return torch.stack(frames, 2), w

    return Net(), (torch.randint(0, 30, (2, 9)),), ({0: "batch", 1: "letters"},)


def crnn(torch, nn):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.cnn = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d((2, 1)), nn.AdaptiveAvgPool2d((1, None)))
            self.rnn, self.out = nn.GRU(16, 12, 2, bidirectional=True), nn.Linear(24, 11)

        def forward(self, x):
            y = self.cnn(x).squeeze(2).permute(2, 0, 1)
            return self.out(self.rnn(y)[0]).log_softmax(2)

    return Net(), (torch.randn(1, 1, 32, 64),), ({3: "width"},)


def espcn(torch, nn):
    return nn.Sequential(nn.Conv2d(1, 16, 5, padding=2), nn.Tanh(), nn.Conv2d(16, 9, 3, padding=1), nn.PixelShuffle(3)), (torch.randn(1, 1, 20, 24),), ({2: "h", 3: "w"},)


def rdn(torch, nn):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c, self.d = (nn.Conv2d(i, o, 3, padding=1) for i, o in ((3, 8), (8, 8), (16, 8), (8, 12)))
            self.up = nn.PixelShuffle(2)

        def forward(self, x):
            y = nn.functional.leaky_relu(self.a(x), 0.2)
            z = nn.functional.leaky_relu(self.b(y), 0.2)
            y = y + 0.2 * self.c(torch.cat([y, z], 1))
            y = self.up(self.d(y))
            return y + nn.functional.interpolate(x, scale_factor=2, mode="bicubic", align_corners=False)

    return Net(), (torch.randn(1, 3, 16, 20),), ({2: "h", 3: "w"},)


def swinir(torch, nn):
    def windows(x, s):
        b, h, w, c = x.shape
        return x.view(b, h // s, s, w // s, s, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, s * s, c)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.q, self.p, self.n = nn.Linear(16, 48), nn.Linear(16, 16), nn.LayerNorm(16)
            self.e = nn.Conv2d(3, 16, 3, padding=1)
            self.o = nn.Conv2d(16, 12, 3, padding=1)

        def forward(self, x):
            y = self.e(x).permute(0, 2, 3, 1)
            b, h, w, c = y.shape
            r = torch.roll(y, (-2, -2), (1, 2))
            t = windows(self.n(r), 4)
            q, k, v = self.q(t).view(-1, 16, 3, 2, 8).permute(2, 0, 3, 1, 4)
            t = self.p(((q @ k.transpose(-2, -1)) * 8**-0.5).softmax(-1).matmul(v).transpose(1, 2).reshape(-1, 16, 16))
            t = t.view(b, h // 4, w // 4, 4, 4, c).permute(0, 1, 3, 2, 4, 5).reshape(b, h, w, c)
            y = y + torch.roll(t, (2, 2), (1, 2))
            return nn.functional.pixel_shuffle(self.o(y.permute(0, 3, 1, 2)), 2)

    return Net(), (torch.randn(1, 3, 16, 16),)


def gcn(torch, nn):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(5, 8), nn.Linear(8, 3)

        def forward(self, x, edges):
            for layer in (self.a, self.b):
                y = layer(x)[edges[0]]
                total = torch.zeros(x.shape[0], y.shape[1]).scatter_add(0, edges[1:].t().expand(-1, y.shape[1]), y)
                degree = torch.ones(x.shape[0]).index_add(0, edges[1], torch.ones(edges.shape[1]))
                x = torch.relu(total / degree.unsqueeze(1))
            return x

    return Net(), (torch.randn(10, 5), torch.randint(0, 10, (2, 24))), ({0: "nodes"}, {1: "edges"})


def gat(torch, nn):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.w, self.s, self.d = nn.Linear(5, 8), nn.Linear(8, 1), nn.Linear(8, 1)

        def forward(self, x, edges):
            h = self.w(x)
            score = nn.functional.leaky_relu(self.s(h)[edges[0]] + self.d(h)[edges[1]], 0.2).squeeze(1)
            top = torch.full((x.shape[0],), -1e9).scatter_reduce(0, edges[1], score, "amax")
            e = torch.exp(score - top[edges[1]])
            total = torch.zeros(x.shape[0]).scatter_add(0, edges[1], e) + 1e-9
            a = (e / total[edges[1]]).unsqueeze(1)
            return torch.zeros(x.shape[0], 8).index_add(0, edges[1], a * h[edges[0]])

    return Net(), (torch.randn(10, 5), torch.randint(0, 10, (2, 24))), ({0: "nodes"}, {1: "edges"})


def pointnet(torch, nn):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Sequential(nn.Conv1d(3, 16, 1), nn.BatchNorm1d(16), nn.ReLU(), nn.Conv1d(16, 32, 1))
            self.b = nn.Linear(32, 9)
            self.c = nn.Sequential(nn.Conv1d(3, 16, 1), nn.ReLU(), nn.Conv1d(16, 5, 1))

        def forward(self, x):
            t = self.b(self.a(x).max(2)[0]).view(-1, 3, 3) + torch.eye(3)
            return self.c(torch.bmm(x.transpose(1, 2), t).transpose(1, 2)).max(2)[0]

    return Net(), (torch.randn(2, 3, 50),), ({0: "batch", 2: "points"},)


def dlrm(torch, nn):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.bags = nn.ModuleList(nn.EmbeddingBag(20, 8, mode=m) for m in ("sum", "mean"))
            self.bottom, self.top = nn.Linear(4, 8), nn.Linear(8 + 3, 1)

        def forward(self, dense, a, b):
            x = torch.stack([torch.relu(self.bottom(dense)), self.bags[0](a), self.bags[1](b)], 1)
            z = x @ x.transpose(1, 2)
            i, j = torch.tril_indices(3, 3, -1)
            return torch.sigmoid(self.top(torch.cat([x[:, 0], z[:, i, j]], 1)))

    return Net(), (torch.randn(3, 4), torch.randint(0, 20, (3, 5)), torch.randint(0, 20, (3, 2)))


def transformer(torch, nn):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.t = nn.Transformer(16, 2, 2, 2, 32, batch_first=True)
            self.e = nn.Embedding(20, 16)

        def forward(self, s, t):
            mask = torch.triu(torch.full((t.shape[1], t.shape[1]), float("-inf")), 1)
            return self.t(self.e(s), self.e(t), tgt_mask=mask, src_key_padding_mask=s == 0)

    return Net(), (torch.randint(0, 20, (2, 9)), torch.randint(0, 20, (2, 6))), ({0: "b", 1: "s"}, {0: "b", 1: "t"})


def conformer(torch, nn):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.n = nn.ModuleList(nn.LayerNorm(16) for _ in range(4))
            self.ff = nn.Sequential(nn.Linear(16, 32), nn.SiLU(), nn.Linear(32, 16))
            self.att = nn.MultiheadAttention(16, 4, batch_first=True)
            self.p1, self.dw, self.bn, self.p2 = nn.Conv1d(16, 32, 1), nn.Conv1d(16, 16, 5, padding=2, groups=16), nn.BatchNorm1d(16), nn.Conv1d(16, 16, 1)
            self.sub = nn.Conv2d(1, 4, 3, 2)
            self.proj = nn.Linear(4 * 9, 16)

        def forward(self, x):
            y = torch.relu(self.sub(x.unsqueeze(1))).transpose(1, 2).flatten(2)
            y = self.proj(y)
            y = y + 0.5 * self.ff(self.n[0](y))
            z = self.n[1](y)
            y = y + self.att(z, z, z, need_weights=False)[0]
            z = nn.functional.glu(self.p1(self.n[2](y).transpose(1, 2)), 1)
            y = y + self.p2(nn.functional.silu(self.bn(self.dw(z)))).transpose(1, 2)
            return self.n[3](y + 0.5 * self.ff(y))

    return Net(), (torch.randn(1, 40, 20),), ({0: "batch", 1: "time"},)


def spectrogram(torch, nn):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("window", torch.hann_window(64))
            self.register_buffer("mel", torch.rand(33, 10))

        def forward(self, x):
            s = torch.stft(x, 64, 16, window=self.window, return_complex=False, center=True, pad_mode="reflect") if False else \
                torch.view_as_real(torch.stft(x, 64, 16, window=self.window, return_complex=True))
            return torch.log((s.pow(2).sum(-1).transpose(1, 2) @ self.mel).clamp(min=1e-5))

    return Net(), (torch.randn(2, 400),), ({0: "batch", 1: "samples"},)


def yolo_head(torch, nn):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.c = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.SiLU(), nn.MaxPool2d(5, 1, 2), nn.Conv2d(8, 3 * 9, 1))
            self.register_buffer("anchors", torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))

        def forward(self, x):
            y = self.c(x)
            b, _, h, w = y.shape
            y = y.view(b, 3, 9, h, w).permute(0, 1, 3, 4, 2).sigmoid()
            gy, gx = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
            grid = torch.stack((gx, gy), 2).float()
            xy = (y[..., :2] * 2 - 0.5 + grid) * 8
            wh = (y[..., 2:4] * 2) ** 2 * self.anchors.view(1, 3, 1, 1, 2)
            return torch.cat((xy, wh, y[..., 4:]), -1).view(b, -1, 9)

    return Net(), (torch.randn(1, 3, 32, 40),), ({0: "batch", 2: "h", 3: "w"},)


def nerf(torch, nn):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.m = nn.Sequential(nn.Linear(27, 32), nn.ReLU(), nn.Linear(32, 4))

        def forward(self, x):
            f = torch.cat([x] + [g(x * 2**k) for k in range(4) for g in (torch.sin, torch.cos)], -1)
            y = self.m(f)
            alpha = 1 - torch.exp(-torch.relu(y[..., 3]) * 0.1)
            t = torch.cumprod(torch.cat([torch.ones_like(alpha[:, :1]), 1 - alpha + 1e-10], 1), 1)[:, :-1]
            return (torch.sigmoid(y[..., :3]) * (alpha * t).unsqueeze(-1)).sum(1)

    return Net(), (torch.randn(6, 8, 3),), ({0: "rays"},)


def beam(torch, nn):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.e, self.c, self.o = nn.Embedding(12, 8), nn.GRUCell(8, 8), nn.Linear(8, 12)

        def forward(self, h):
            tokens = torch.zeros(h.shape[0], dtype=torch.int64)
            out = []
            for _ in range(5):
                h = self.c(self.e(tokens), h)
                p = self.o(h).log_softmax(1)
                v, i = p.topk(3, 1)
                tokens = i[:, 0]
                out.append(v)
            return torch.stack(out, 1), tokens

    return Net(), (torch.randn(3, 8),), ({0: "batch"},)


def rnn(kind, **options):
    def make(torch, nn):
        layer = getattr(nn, kind)(6, 10, **options)

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = layer

            def forward(self, x):
                y, state = self.layer(x)
                return (y, *(state if isinstance(state, tuple) else (state,)))

        return Net(), (torch.randn(7, 3, 6),), ({0: "time", 1: "batch"},)

    return build(make)


def scripted(torch, nn):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.l = nn.Linear(4, 4)

        def forward(self, x, n: int):
            for _ in range(int(n)):
                x = torch.relu(self.l(x)) if bool(x.sum() > 0) else torch.tanh(self.l(x))
            return x

    return torch.jit.script(Net()), (torch.randn(2, 4), torch.tensor(3))


F = "torch.nn.functional"
MODELS = {name: build(f) for name, f in {
    "conv-tasnet": conv_tasnet, "tcn": tcn, "wavenet": wavenet, "tacotron": tacotron, "crnn": crnn, "espcn": espcn, "rdn": rdn, "swinir": swinir, "gcn": gcn, "gat": gat, "pointnet": pointnet, "dlrm": dlrm,
    "transformer": transformer, "conformer": conformer, "spectrogram": spectrogram, "yolo-head": yolo_head, "nerf": nerf, "beam": beam, "scripted": scripted}.items()}
MODELS.update({
    "lstm": rnn("LSTM"), "lstm-2": rnn("LSTM", num_layers=2), "lstm-bi": rnn("LSTM", bidirectional=True), "lstm-proj": rnn("LSTM", proj_size=5), "gru": rnn("GRU"), "gru-bi": rnn("GRU", bidirectional=True, num_layers=2), "rnn": rnn("RNN"), "rnn-relu": rnn("RNN", nonlinearity="relu", bias=False),
    "sort": function(lambda t, x: t.sort(x, dim=1, descending=True), normal(3, 9), dynamic=({0: "n", 1: "m"},)),
    "topk": function(lambda t, x: t.topk(x, 3, dim=0, largest=False), normal(9, 4), dynamic=({0: "n"},)),
    "unique": function(lambda t, x: t.unique(x, return_inverse=True, return_counts=True), whole(5, 20), dynamic=({0: "n"},)),
    "nonzero": function(lambda t, x: t.nonzero(x > 0), normal(4, 5), dynamic=({0: "n"},)),
    "where": function(lambda t, x: x[x > 0], normal(4, 5), dynamic=({0: "n"},)),
    "masked-fill": function(lambda t, x: x.masked_fill(t.ones_like(x).tril() == 0, float("-inf")).softmax(-1), normal(2, 6, 6), dynamic=({0: "b", 1: "n", 2: "n"},)),
    "masked-scatter": function(lambda t, x, y: x.masked_scatter(x > 0, y), normal(4, 5), normal(20)),
    "index-put": function(lambda t, x, i: x.index_put((i,), t.zeros(())), normal(9, 4), whole(9, 3), dynamic=({0: "n"}, {0: "m"})),
    "index-nd": function(lambda t, x, i, j: x[i, :, j], normal(5, 6, 7), whole(5, 4), whole(7, 4)),
    "gather": function(lambda t, x, i: x.gather(1, i), normal(3, 6), whole(6, 3, 4), dynamic=({0: "n"}, {0: "n", 1: "k"})),
    "scatter": function(lambda t, x, i: t.zeros_like(x).scatter(1, i, x), normal(3, 4), whole(4, 3, 4)),
    "take-along": function(lambda t, x, i: t.take_along_dim(x, i, 0), normal(6, 3), whole(6, 2, 3)),
    "cumsum": function(lambda t, x: x.cumsum(1), normal(3, 7), dynamic=({0: "n", 1: "m"},)),
    "cumsum-int": function(lambda t, x: (x != 1).to(t.int64).cumsum(1) * (x != 1), whole(3, 3, 7), dynamic=({0: "n", 1: "m"},)),
    "einsum": function(lambda t, x, y: t.einsum("bqhd,bkhd->bhqk", x, y), normal(2, 5, 3, 4), normal(2, 6, 3, 4), dynamic=({0: "b", 1: "q"}, {0: "b", 1: "k"})),
    "einsum-outer": function(lambda t, x, y: t.einsum("i,j->ij", x, y), normal(5), normal(6), dynamic=({0: "i"}, {0: "j"})),
    "einsum-diag": function(lambda t, x: t.einsum("bii->bi", x), normal(2, 5, 5)),
    "bmm": function(lambda t, x, y: t.baddbmm(t.zeros(2, 3, 5), x, y), normal(2, 3, 4), normal(2, 4, 5), dynamic=({1: "m"}, {2: "n"})),
    "norms": function(lambda t, x: (x.norm(dim=1), x.norm(p=1, dim=1), x.norm(), x.var(1), x.std((0, 1)), x.logsumexp(1), x.prod(1), x.amax((1, 2)), x.argmin(2)), normal(2, 3, 4), dynamic=({0: "n"},)),
    "resize-nearest": function(lambda t, x: t.nn.functional.interpolate(x, size=(9, 7)), normal(1, 2, 5, 6), dynamic=({0: "b", 2: "h", 3: "w"},)),
    "resize-bilinear": function(lambda t, x: t.nn.functional.interpolate(x, scale_factor=2.5, mode="bilinear", align_corners=True), normal(1, 2, 5, 6), dynamic=({0: "b", 2: "h", 3: "w"},)),
    "resize-bicubic": function(lambda t, x: t.nn.functional.interpolate(x, size=(8, 11), mode="bicubic"), normal(1, 2, 5, 6), dynamic=({0: "b", 2: "h", 3: "w"},)),
    "resize-antialias": function(lambda t, x: t.nn.functional.interpolate(x, size=(3, 4), mode="bilinear", antialias=True), normal(1, 2, 9, 12), opset=18),
    "resize-3d": function(lambda t, x: t.nn.functional.interpolate(x, scale_factor=2, mode="trilinear"), normal(1, 2, 3, 4, 5), dynamic=({2: "d"},)),
    "resize-1d": function(lambda t, x: t.nn.functional.interpolate(x, scale_factor=2, mode="linear"), normal(1, 2, 7), dynamic=({2: "d"},)),
    "grid-sample": function(lambda t, x, g: t.nn.functional.grid_sample(x, g.tanh(), align_corners=False), normal(2, 3, 6, 7), normal(2, 4, 5, 2), dynamic=({0: "b", 2: "h", 3: "w"}, {0: "b", 1: "k"})),
    "affine-grid": function(lambda t, x, g: t.nn.functional.grid_sample(x, t.nn.functional.affine_grid(g, (2, 3, 5, 5), align_corners=False), align_corners=False), normal(2, 3, 6, 7), normal(2, 2, 3), opset=20),
    "fold": function(lambda t, x: t.nn.functional.fold(t.nn.functional.unfold(x, 3, padding=1, stride=2), (8, 9), 3, padding=1, stride=2), normal(1, 2, 8, 9), opset=18),
    "unfold": function(lambda t, x: t.nn.functional.unfold(x, 3, dilation=2), normal(1, 2, 8, 9), dynamic=({0: "b", 2: "h", 3: "w"},)),
    "tensor-unfold": function(lambda t, x: x.unfold(1, 4, 2), normal(2, 10)),
    "pads": function(lambda t, x: [t.nn.functional.pad(x, (1, 2, 3, 1), mode=m) for m in ("constant", "reflect", "replicate", "circular")], normal(1, 2, 6, 7), dynamic=({0: "b", 2: "h", 3: "w"},)),
    "pools": function(lambda t, x: (t.nn.functional.max_pool2d(x, 3, 2, 1, 1, True), t.nn.functional.avg_pool2d(x, 3, 2, 1, True, False), t.nn.functional.adaptive_avg_pool2d(x, (3, 2)), t.nn.functional.adaptive_max_pool2d(x, 1), t.nn.functional.lp_pool2d(x, 2.0, 2)), normal(1, 2, 9, 8)),
    "max-indices": function(lambda t, x: t.nn.functional.max_pool2d(x, 2, return_indices=True), normal(1, 2, 8, 8), dynamic=({0: "b", 2: "h", 3: "w"},)),
    "unpool": function(lambda t, x: t.nn.functional.max_unpool2d(*t.nn.functional.max_pool2d(x, 2, return_indices=True), 2), normal(1, 2, 8, 8)),
    "deconvs": function(lambda t, x, w: (t.nn.functional.conv_transpose2d(x, w, stride=2, padding=1, output_padding=1), t.nn.functional.conv_transpose2d(x, w, stride=3, dilation=2)), normal(1, 4, 5, 6), normal(4, 3, 3, 3), dynamic=({0: "b", 2: "h", 3: "w"}, {})),
    "dynamic-conv": function(lambda t, x, w: t.nn.functional.conv2d(x, w, padding=1, groups=2), normal(1, 4, 7, 8), normal(6, 2, 3, 3), dynamic=({0: "b", 2: "h", 3: "w"}, {})),
    "activations": function(lambda t, x: [getattr(t.nn.functional, n)(x) for n in "relu relu6 elu selu celu gelu silu mish softplus softsign logsigmoid hardswish hardsigmoid hardtanh hardshrink softshrink tanhshrink leaky_relu rrelu glu".split()], normal(3, 8), dynamic=({0: "n"},)),
    "trigonometry": function(lambda t, x: [getattr(t, n)(x.tanh() * 0.9) for n in "sin cos tan asin acos atan sinh cosh tanh asinh atanh exp expm1 log1p erf erfc sigmoid floor ceil round trunc frac sign abs neg reciprocal square rsqrt".split()[:-1]], normal(3, 8), dynamic=({0: "n"},)),
    "binaries": function(lambda t, x, y: (x + y, x - y, x * y, x / y, x ** 2, t.pow(x.abs(), y), t.fmod(x, y), t.remainder(x, y), t.floor_divide(x, y), t.atan2(x, y), t.maximum(x, y), t.hypot(x, y), x > y, x.eq(y), t.lerp(x, y, 0.3), t.addcmul(x, x, y), t.copysign(x, y)), normal(3, 1, 4), normal(2, 4), dynamic=({0: "n"}, {})),
    "integers": function(lambda t, x, y: (x + y, x // (y + 1), x % (y + 1), x & y, x | y, x ^ y, ~x, x << 2, x >> 1, x.clamp(1, 3), (x > y) & (y > 1), x.float().mean()), whole(9, 3, 4), whole(5, 3, 4), dynamic=({0: "n"}, {0: "n"})),
    "shapes": function(lambda t, x: (x.flatten(1), x.view(x.shape[0], -1), x.unsqueeze(1).expand(-1, 2, -1, -1), x.repeat(1, 2, 1), x.transpose(0, 1), t.flip(x, (1,)), t.roll(x, 1, 2), t.stack([x, x], 1), *t.split(x, 2, 1), *t.chunk(x, 2, 2), x.tile(2, 1, 1), x[:, ::2], x[..., -1], x[:, 1:-1]), normal(2, 4, 6), dynamic=({0: "b", 1: "n"},)),
    "repeat-interleave": function(lambda t, x: x.repeat_interleave(3, 1), normal(2, 4), dynamic=({0: "b", 1: "n"},)),
    "ranges": function(lambda t, x: (t.arange(x.shape[1]) + x, t.arange(x.shape[1] - 1, -1, -1), t.linspace(0, 1, 5) + x[:, :1], t.eye(x.shape[1]), t.full((x.shape[0], 2), 3.0), t.ones(x.shape[0], x.shape[1]).triu(1)), normal(2, 4), dynamic=({0: "b", 1: "n"},)),
    "one-hot": function(lambda t, x: t.nn.functional.one_hot(x, 7).float(), whole(7, 3, 4), dynamic=({0: "b"},)),
    "bucketize": function(lambda t, x: t.bucketize(x, t.tensor([-1.0, 0.0, 0.5])), normal(3, 4), dynamic=({0: "b"},)),
    "histogram": function(lambda t, x: t.histc(x, 5, -2, 2), normal(30)),
    "losses": function(lambda t, x, y: (t.nn.functional.cross_entropy(x, y), t.nn.functional.nll_loss(x.log_softmax(1), y, reduction="none"), t.nn.functional.mse_loss(x, x * 0.5), t.nn.functional.cosine_similarity(x, x + 1), t.nn.functional.pairwise_distance(x, x + 1), t.cdist(x, x + 1)), normal(4, 5), whole(5, 4), dynamic=({0: "b"}, {0: "b"})),
    "scalars": function(lambda t, x, s: (x * s, s + 1, x.sum(), (x > s).any(), x.numel() * t.ones(())), normal(3, 4), normal(), dynamic=({0: "b"}, {})),
    "types": function(lambda t, x: (x.half(), x.double(), x.to(t.int32), x.to(t.uint8), x > 0, x.to(t.int8), x.to(t.bfloat16).float(), x.to(t.int16)), lambda t: t.rand(3, 4) * 9, dynamic=({0: "b"},)),
    "double": function(lambda t, x, y: (x @ y, x.softmax(1), x.exp(), x.sort(1)[0], t.nn.functional.layer_norm(x, (4,))), lambda t: t.randn(3, 4, dtype=t.float64), lambda t: t.randn(4, 5, dtype=t.float64), dynamic=({0: "b"}, {})),
    "inverse": function(lambda t, x: (t.linalg.det(x), x @ x.transpose(1, 2)), normal(2, 3, 3)),
    "fft": function(lambda t, x: t.view_as_real(t.fft.rfft(x)), normal(2, 16), opset=20, dynamic=({0: "b"},)),
    "fft2": function(lambda t, x: t.fft.irfft2(t.fft.rfft2(x)), normal(2, 8, 8), opset=20),
    "nms": function(lambda t, b, s: __import__("torchvision").ops.nms(t.cat([b[:, :2], b[:, :2] + b[:, 2:].abs()], 1), s, 0.5), normal(20, 4), normal(20), dynamic=({0: "n"}, {0: "n"})),
    "roi-align": function(lambda t, x, b: __import__("torchvision").ops.roi_align(x, t.cat([b[:, :1] * 0, b[:, 1:3].abs() * 3, 4 + b[:, 3:].abs() * 4], 1), (3, 3), 0.5, 2, aligned=True), normal(1, 2, 16, 16), normal(5, 5), dynamic=({2: "h", 3: "w"}, {0: "n"})),
    "empty-batch": function(lambda t, x: (x @ t.ones(4, 3), x.sum(0), x.softmax(1)), normal(0, 4), dynamic=({0: "n"},)),
    "groupnorm": function(lambda t, x: (t.nn.functional.group_norm(x, 2), t.nn.functional.instance_norm(x), t.nn.functional.layer_norm(x, (5, 6)), t.nn.functional.normalize(x, dim=1), t.nn.functional.local_response_norm(x, 3)), normal(2, 4, 5, 6), dynamic=({0: "b"},)),
    "sdpa": function(lambda t, q, k, v: t.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True), normal(2, 3, 8, 4), normal(2, 3, 8, 4), normal(2, 3, 8, 4), dynamic=({0: "b", 2: "n"},) * 3),
    "sdpa-mask": function(lambda t, q, k, m: t.nn.functional.scaled_dot_product_attention(q, k, k, attn_mask=m > 0), normal(2, 3, 8, 4), normal(2, 3, 9, 4), normal(2, 1, 8, 9), dynamic=({0: "b", 2: "n"}, {0: "b", 2: "m"}, {0: "b", 2: "n", 3: "m"})),
    "complex": function(lambda t, x: t.view_as_real(t.view_as_complex(x) * t.view_as_complex(x)), normal(3, 4, 2)),
    "aminmax": function(lambda t, x: (*t.aminmax(x), x.median(), x.mode(1)[0], x.kthvalue(2, 1)[0], t.logcumsumexp(x, 1)), normal(3, 5)),
    "deform": function(lambda t, x, o, w: __import__("torchvision").ops.deform_conv2d(x, o, w, padding=1), normal(1, 4, 6, 6), normal(1, 18, 6, 6), normal(5, 4, 3, 3), opset=19),
})
for _n in "aminmax".split():
    # One function each, so that what an exporter lacks does not hide the others.
    del MODELS[_n]
for _n, _f in {"minmax": lambda t, x: t.aminmax(x), "median": lambda t, x: x.median(), "mode": lambda t, x: x.mode(1)[0], "kthvalue": lambda t, x: x.kthvalue(2, 1)[0], "hypot": lambda t, x: t.hypot(x, x + 1), "logcumsumexp": lambda t, x: t.logcumsumexp(x, 1)}.items():
    MODELS[_n] = function(_f, normal(3, 5))
MODELS = {f"layer/{k}": v for k, v in MODELS.items()}
