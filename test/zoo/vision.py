"""torchvision's and timm's networks, at sizes that compile in seconds."""
from .exporting import Spec, Tensors

TIMM = {  # one of each family: the smallest that the family has, at a small picture
    "regnetx_002": 64, "regnety_002": 64, "efficientformer_l1": 224, "efficientformerv2_s0": 224, "ghostnet_050": 64, "ghostnetv2_100": 64,
    "hrnet_w18_small": 64, "dla34": 64, "levit_128s": 224, "mobileone_s0": 64, "repvgg_a0": 64, "xcit_nano_12_p16_224": 224,
    "cait_xxs24_224": 224, "coat_tiny": 224, "coat_lite_tiny": 224, "maxvit_rmlp_pico_rw_256": 256, "nfnet_l0": 64, "dm_nfnet_f0": 64, "resnest14d": 64, "volo_d1_224": 224,
    "edgenext_xx_small": 64, "fastvit_t8": 64, "inception_v3": 96, "inception_v4": 96, "xception41": 64, "xception71": 64,
    "convnext_atto": 64, "convnextv2_atto": 64, "swin_tiny_patch4_window7_224": 224, "swinv2_cr_tiny_224": 224, "swinv2_tiny_window8_256": 256,
    "vit_tiny_patch16_224": 224, "deit_tiny_patch16_224": 224, "beit_base_patch16_224": 224, "beitv2_base_patch16_224": 224,
    "mixer_s32_224": 224, "gmlp_ti16_224": 224, "resmlp_12_224": 224, "poolformer_s12": 64, "poolformerv2_s12": 64, "mobilevit_xxs": 64, "mobilevitv2_050": 64,
    "mobilenetv3_small_050": 64, "mobilenetv4_conv_small_035": 64, "mobilenetv4_hybrid_medium": 64, "mnasnet_small": 64, "efficientnet_b0": 64, "tf_efficientnetv2_b0": 64, "efficientnet_lite0": 64,
    "tinynet_e": 64, "lcnet_035": 64, "fbnetc_100": 64, "spnasnet_100": 64, "hardcorenas_a": 64, "semnasnet_075": 64, "mixnet_s": 64, "rexnet_100": 64,
    "selecsls42b": 64, "res2net50_26w_4s": 64, "res2next50": 64, "resnet18d": 64, "resnetv2_50": 64, "resnet50_gn": 64, "seresnet18": 64, "skresnet18": 64, "sknet34": 0, "ecaresnet26t": 64, "gcresnet33ts": 64,
    "halonet26t": 256, "botnet26t_256": 256, "lambda_resnet26t": 256, "bat_resnext26ts": 256, "eca_botnext26ts_256": 256, "lamhalobotnet50ts_256": 256,
    "densenet121": 64, "vovnet39a": 64, "ese_vovnet19b_dw": 64, "cspresnet50": 64, "cspdarknet53": 64, "darknet17": 64, "darknet53": 64, "dpn48b": 64, "vgg11": 64, "vgg11_bn": 64,
    "crossvit_tiny_240": 240, "crossvit_9_dagger_240": 240, "convit_tiny": 224, "convmixer_768_32": 64, "pit_ti_224": 224, "pvt_v2_b0": 64, "twins_pcpvt_small": 224, "twins_svt_small": 224, "tnt_s_legacy_patch16_224": 224,
    "visformer_tiny": 224, "nest_tiny": 224, "jx_nest_tiny": 0, "sequencer2d_s": 224, "davit_tiny": 224, "focalnet_tiny_srf": 224, "gcvit_xxtiny": 224, "hiera_tiny_224": 224, "hgnet_tiny": 64, "hgnetv2_b0": 64,
    "inception_next_atto": 64, "inception_next_tiny": 64, "metaformer": 0, "caformer_s18": 64, "convformer_s18": 64, "randformer_s12": 0, "nextvit_small": 64, "mvitv2_tiny": 224, "pnasnet5large": 0, "nasnetalarge": 0,
    "repghostnet_050": 64, "repvit_m0_9": 64, "starnet_s1": 64, "shvit_s1": 224, "swiftformer_xs": 224, "tiny_vit_5m_224": 224, "samvit_base_patch16": 0, "eva02_tiny_patch14_224": 224, "efficientvit_b0": 64, "efficientvit_m0": 224,
    "flexivit_small": 240, "mambaout_femto": 64, "rdnet_tiny": 64, "csatv2": 0, "tresnet_m": 64, "vitamin_small_224": 224, "coatnet_nano_rw_224": 224, "coatnext_nano_rw_224": 224, "maxxvit_rmlp_nano_rw_256": 256, "cs3darknet_s": 64, "fasternet_t0": 64, "gernet_s": 64, "resnetaa34d": 64, "vit_relpos_small_patch16_224": 224, "vit_srelpos_small_patch16_224": 224, "vit_small_r26_s32_224": 224, "naflexvit_base_patch16_gap": 0, "convnext_zepto_rms": 64, "mobilenet_edgetpu_v2_xs": 64, "resnet26t": 64, "ghostnetv3_050": 64, "efficientnet_es": 64, "tf_mixnet_s": 64, "tf_efficientnet_b0": 64,
}


def timm_model(name, size):
    def make():
        import timm
        import torch

        options = {}
        return Spec(Tensors(timm.create_model(name, num_classes=10, **options)), (torch.randn(1, 3, size, size),))

    return make


def torchvision_classifier(name, size=64):
    def make():
        import torch
        import torchvision

        model = torchvision.models.get_model(name, weights=None, num_classes=10)
        return Spec(Tensors(model), (torch.randn(1, 3, size, size),))

    return make


def detector(name, size=96, **options):
    def make():
        import torch
        import torchvision

        model = torchvision.models.get_model(name, weights=None, weights_backbone=None, num_classes=4, **options)
        # Random heads score all alike: a threshold lets some through and not all.
        module = Tensors(model, lambda m, x: m([x]))
        return Spec(module, (torch.rand(3, size, size),), dynamic=({1: "height", 2: "width"},))

    return make


def segmenter(name, size=64):
    def make():
        import torch
        import torchvision

        model = torchvision.models.get_model(name, weights=None, weights_backbone=None, num_classes=4)
        return Spec(Tensors(model), (torch.randn(1, 3, size, size),), dynamic=({0: "batch", 2: "height", 3: "width"},))

    return make


def video(name):
    def make():
        import torch
        import torchvision

        model = torchvision.models.get_model(name, weights=None, num_classes=5)
        size = 224 if name.startswith(("mvit", "swin3d")) else 32
        return Spec(Tensors(model), (torch.randn(1, 3, 16 if size > 100 else 8, size, size),))

    return make


def raft():
    import torch
    import torchvision

    model = torchvision.models.optical_flow.raft_small(weights=None)
    pick = lambda m, a, b: m(a, b, num_flow_updates=2)[-1]
    return Spec(Tensors(model, pick), (torch.randn(1, 3, 128, 128), torch.randn(1, 3, 128, 128)))


MODELS = {f"timm/{n}": timm_model(n, s) for n, s in TIMM.items() if s}
for n in ("alexnet", "googlenet", "mobilenet_v2", "shufflenet_v2_x0_5", "squeezenet1_0", "wide_resnet50_2", "resnext50_32x4d", "mnasnet0_5",
          "vit_b_32", "swin_t", "swin_v2_t", "maxvit_t", "convnext_tiny", "efficientnet_v2_s", "inception_v3"):
    MODELS[f"tv/{n}"] = torchvision_classifier(n, {"inception_v3": 96, "vit_b_32": 224, "maxvit_t": 224}.get(n, 64))
for n in ("fasterrcnn_mobilenet_v3_large_320_fpn", "fasterrcnn_resnet50_fpn", "fasterrcnn_resnet50_fpn_v2", "retinanet_resnet50_fpn", "ssd300_vgg16", "ssdlite320_mobilenet_v3_large", "fcos_resnet50_fpn",
          "maskrcnn_resnet50_fpn", "keypointrcnn_resnet50_fpn"):
    size = {"min_size": 96, "max_size": 128} if "320" not in n and "ssd" not in n else {}
    MODELS[f"tv/{n}"] = detector(n, **size) if "keypoint" not in n else detector(n, **size, num_keypoints=3)
for n in ("deeplabv3_mobilenet_v3_large", "deeplabv3_resnet50", "lraspp_mobilenet_v3_large", "fcn_resnet50"):
    MODELS[f"tv/{n}"] = segmenter(n)
for n in ("r3d_18", "mc3_18", "r2plus1d_18", "s3d", "mvit_v2_s", "swin3d_t"):
    MODELS[f"tv/{n}"] = video(n)
MODELS["tv/raft_small"] = raft
