"""Pictures, sound, and both with text: tiny configurations of the transformers and diffusers packages."""
from .exporting import Spec, Tensors

SMALL = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, image_size=32, patch_size=8, num_channels=3)


def pictures(kind, overrides=None, size=32, auto="AutoModel", output=None, batch=1):
    def make():
        import torch
        import transformers

        config = transformers.AutoConfig.for_model(kind)
        values = {**SMALL, **(overrides or {})}
        config = type(config)(**{k: v for k, v in values.items() if hasattr(config, k) or k in (overrides or {})})
        model = getattr(transformers, auto).from_config(config)
        pick = lambda m, x: getattr(m(pixel_values=x, return_dict=True), output) if output else m(pixel_values=x, return_dict=True)
        return Spec(Tensors(model, pick), (torch.randn(batch, 3, size, size),), names=("pixel_values",))

    return make


def sound(kind, **overrides):
    def make():
        import torch
        import transformers

        values = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, conv_dim=(16, 16), conv_kernel=(8, 4),
                      conv_stride=(4, 2), num_feat_extract_layers=2, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4, **overrides)
        config = transformers.AutoConfig.for_model(kind)
        config = type(config)(**{k: v for k, v in values.items() if hasattr(config, k)})
        model = transformers.AutoModel.from_config(config)
        pick = lambda m, x: m(input_values=x, return_dict=True).last_hidden_state
        return Spec(Tensors(model, pick), (torch.randn(1, 800),), ({0: "batch", 1: "samples"},), ("input_values",))

    return make


def whisper(part):
    def make():
        import torch
        from transformers import WhisperConfig, WhisperModel

        model = WhisperModel(WhisperConfig(vocab_size=99, num_mel_bins=16, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4, d_model=32, encoder_ffn_dim=64, decoder_ffn_dim=64, max_source_positions=30, max_target_positions=20, decoder_start_token_id=1, pad_token_id=0, bos_token_id=1, eos_token_id=2, use_cache=False))
        if part == "encoder":
            return Spec(Tensors(model.encoder, lambda m, x: m(x).last_hidden_state), (torch.randn(1, 16, 60),))
        pick = lambda m, i, e: m(input_ids=i, encoder_hidden_states=e, use_cache=False).last_hidden_state
        return Spec(Tensors(model.decoder, pick), (torch.randint(3, 99, (1, 6)), torch.randn(1, 30, 32)), ({0: "batch", 1: "tokens"}, {0: "batch"}))

    return make


def two_towers(kind):
    def make():
        import torch
        import transformers

        text = dict(vocab_size=99, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, max_position_embeddings=20, eos_token_id=2, bos_token_id=1, pad_token_id=0)
        config = transformers.AutoConfig.for_model(kind, text_config=text, vision_config=SMALL, projection_dim=16)
        model = transformers.AutoModel.from_config(config)
        pick = lambda m, i, p: (lambda o: (o.logits_per_image, o.text_embeds, o.image_embeds))(m(input_ids=i, pixel_values=p, return_dict=True))
        tokens = torch.randint(3, 98, (2, 9))
        tokens[:, -1] = 2
        return Spec(Tensors(model, pick), (tokens, torch.randn(2, 3, 32, 32)), ({0: "texts"}, {0: "images"}))

    return make


def sam(part):
    def make():
        import torch
        from transformers import SamConfig, SamModel

        config = SamConfig(vision_config=dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, mlp_dim=64, image_size=64, patch_size=8, window_size=4, output_channels=32, global_attn_indexes=[1]),
                           prompt_encoder_config=dict(hidden_size=32, image_size=64, patch_size=8, image_embedding_size=8), mask_decoder_config=dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, mlp_dim=64, iou_head_hidden_dim=32))
        model = SamModel(config)
        if part == "encoder":
            return Spec(Tensors(model, lambda m, x: m.get_image_embeddings(x)), (torch.randn(1, 3, 64, 64),))
        pick = lambda m, e, p, l: (lambda o: (o.iou_scores, o.pred_masks))(m(image_embeddings=e, input_points=p, input_labels=l, multimask_output=True))
        return Spec(Tensors(model, pick), (torch.randn(1, 32, 8, 8), torch.rand(1, 1, 2, 2) * 64, torch.ones(1, 1, 2, dtype=torch.int64)), ({}, {2: "points"}, {2: "points"}))

    return make


def unet(kind):
    def make():
        import diffusers
        import torch

        if kind == "vae":
            model = diffusers.AutoencoderKL(block_out_channels=(16, 32), down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, latent_channels=4, norm_num_groups=8, sample_size=32)
            return Spec(Tensors(model, lambda m, z: m.decode(z).sample), (torch.randn(1, 4, 8, 8),), ({0: "batch", 2: "h", 3: "w"},))
        if kind == "unet2d":
            model = diffusers.UNet2DModel(sample_size=16, block_out_channels=(16, 32), layers_per_block=1, norm_num_groups=8, down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"), attention_head_dim=8)
            return Spec(Tensors(model, lambda m, x, t: m(x, t).sample), (torch.randn(1, 3, 16, 16), torch.tensor([5])), ({0: "batch"}, {0: "batch"}))
        if kind == "dit":
            model = diffusers.DiTTransformer2DModel(num_attention_heads=2, attention_head_dim=8, in_channels=4, num_layers=2, sample_size=8, num_embeds_ada_norm=10, patch_size=2)
            return Spec(Tensors(model, lambda m, x, t, c: m(x, t, class_labels=c).sample), (torch.randn(1, 4, 8, 8), torch.tensor([5]), torch.tensor([3])))
        model = diffusers.UNet2DConditionModel(sample_size=16, block_out_channels=(16, 32), layers_per_block=1, norm_num_groups=8, cross_attention_dim=24, attention_head_dim=8, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"))
        return Spec(Tensors(model, lambda m, x, t, e: m(x, t, e).sample), (torch.randn(1, 4, 16, 16), torch.tensor([5]), torch.randn(1, 7, 24)), ({0: "batch", 2: "h", 3: "w"}, {0: "batch"}, {0: "batch", 1: "tokens"}))

    return make


def detr(kind):
    def make():
        import torch
        import transformers

        if kind == "yolos":
            config = transformers.YolosConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, image_size=[32, 48], patch_size=8, num_detection_tokens=10, num_labels=3)
            model = transformers.YolosForObjectDetection(config)
            return Spec(Tensors(model, lambda m, x: (lambda o: (o.logits, o.pred_boxes))(m(pixel_values=x))), (torch.randn(1, 3, 32, 48),))
        backbone = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], out_features=["stage2"] if kind == "detr" else ["stage1", "stage2"], layer_type="basic")
        own = dict(d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=64, decoder_ffn_dim=64, num_queries=10, num_labels=3, use_timm_backbone=False, use_pretrained_backbone=False, backbone=None, backbone_config=backbone)
        if kind == "deformable_detr":
            own.update(num_feature_levels=2, encoder_n_points=2, decoder_n_points=2)
        config = transformers.AutoConfig.for_model(kind, **own)
        model = transformers.AutoModelForObjectDetection.from_config(config)
        return Spec(Tensors(model, lambda m, x: (lambda o: (o.logits, o.pred_boxes))(m(pixel_values=x))), (torch.randn(1, 3, 64, 64),), ({2: "h", 3: "w"},))

    return make


def speech_text(kind):
    def make():
        import torch
        import transformers

        if kind == "ast":
            config = transformers.ASTConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, max_length=64, num_mel_bins=32)
            return Spec(Tensors(transformers.ASTModel(config), lambda m, x: m(input_values=x).last_hidden_state), (torch.randn(1, 64, 32),))
        if kind == "patchtst":
            config = transformers.PatchTSTConfig(num_input_channels=3, context_length=32, patch_length=8, patch_stride=4, d_model=32, num_hidden_layers=2, num_attention_heads=4, ffn_dim=64, prediction_length=8)
            return Spec(Tensors(transformers.PatchTSTForPrediction(config), lambda m, x: m(past_values=x).prediction_outputs), (torch.randn(2, 32, 3),), ({0: "batch"},))
        if kind == "vits":
            config = transformers.UnivNetConfig(model_in_channels=8, model_hidden_channels=8, num_mel_bins=16, resblock_kernel_sizes=[3], resblock_stride_sizes=[4], resblock_dilation_sizes=[[1, 3]], kernel_predictor_hidden_channels=8)
            return Spec(Tensors(transformers.UnivNetModel(config), lambda m, x, n: m(input_features=x, noise_sequence=n).waveforms), (torch.randn(1, 20, 16), torch.randn(1, 20, 8)))
        config = transformers.SpeechT5HifiGanConfig(model_in_dim=16, upsample_initial_channel=32, upsample_rates=[4, 4], upsample_kernel_sizes=[8, 8], resblock_kernel_sizes=[3, 5], resblock_dilation_sizes=[[1, 3], [1, 3]])
        return Spec(Tensors(transformers.SpeechT5HifiGan(config), lambda m, x: m(x)), (torch.randn(1, 20, 16),), ({0: "batch", 1: "frames"},))

    return make


MODELS = {
    "vit": pictures("vit"), "deit": pictures("deit"), "beit": pictures("beit"), "data2vec-vision": pictures("data2vec-vision"), "swin": pictures("swin", dict(embed_dim=16, depths=[1, 1], num_heads=[2, 4], num_attention_heads=[2, 4], window_size=2, patch_size=4)), "swinv2": pictures("swinv2", dict(embed_dim=16, depths=[1, 1], num_heads=[2, 4], num_attention_heads=[2, 4], window_size=2, patch_size=4)), "donut-swin": pictures("donut-swin", dict(embed_dim=16, depths=[1, 1], num_heads=[2, 4], num_attention_heads=[2, 4], window_size=2, patch_size=4)),
    "convnext": pictures("convnext", dict(hidden_sizes=[16, 32], depths=[1, 1], num_stages=2)), "convnextv2": pictures("convnextv2", dict(hidden_sizes=[16, 32], depths=[1, 1], num_stages=2)), "resnet": pictures("resnet", dict(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1])), "regnet": pictures("regnet", dict(embedding_size=8, hidden_sizes=[8, 16, 16, 16], depths=[1, 1, 1, 1], groups_width=8)), "mobilenet_v1": pictures("mobilenet_v1"), "mobilenet_v2": pictures("mobilenet_v2"), "efficientnet": pictures("efficientnet", size=64), "bit": pictures("bit", dict(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], num_groups=4)),
    "segformer": pictures("segformer", dict(hidden_sizes=[8, 16, 16, 32], depths=[1, 1, 1, 1], num_attention_heads=[1, 2, 2, 4], decoder_hidden_size=16), 64, "AutoModelForSemanticSegmentation", "logits"), "mobilevit": pictures("mobilevit", dict(hidden_sizes=[16, 24, 32], neck_hidden_sizes=[8, 8, 16, 16, 24, 24, 32]), 64), "mobilevitv2": pictures("mobilevitv2", size=256), "levit": pictures("levit", dict(image_size=64, hidden_sizes=[16, 32, 32], num_attention_heads=[2, 2, 2], depths=[1, 1, 1], key_dim=[8, 8, 8]), 64), "cvt": pictures("cvt", dict(embed_dim=[8, 16, 32], num_heads=[1, 2, 2], depth=[1, 1, 1])), "pvt": pictures("pvt", dict(image_size=64, hidden_sizes=[8, 16, 16, 32], num_attention_heads=[1, 2, 2, 4], depths=[1, 1, 1, 1]), 64), "pvt_v2": pictures("pvt_v2", dict(image_size=64, hidden_sizes=[8, 16, 16, 32], num_attention_heads=[1, 2, 2, 4], depths=[1, 1, 1, 1]), 64), "poolformer": pictures("poolformer", dict(hidden_sizes=[8, 16, 16, 32], depths=[1, 1, 1, 1])), "focalnet": pictures("focalnet", dict(embed_dim=16, hidden_sizes=[16, 32], depths=[1, 1], focal_levels=[2, 2], focal_windows=[3, 3], patch_size=4)), "dinat": None, "van": None, "swiftformer": pictures("swiftformer", dict(depths=[1, 1, 1, 1], embed_dims=[16, 16, 32, 32]), 64), "efficientformer": None,
    "glpn": pictures("glpn", dict(hidden_sizes=[8, 16, 16, 32], depths=[1, 1, 1, 1], num_attention_heads=[1, 2, 2, 4], decoder_hidden_size=16), 64, "AutoModelForDepthEstimation", "predicted_depth"), "dpt": pictures("dpt", dict(num_hidden_layers=4, backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[8, 16, 16, 32], fusion_hidden_size=16, is_hybrid=False, reassemble_factors=[4, 2, 1, 0.5]), 32, "AutoModelForDepthEstimation", "predicted_depth"), "upernet": None, "dinov2": pictures("dinov2"), "vit_msn": pictures("vit_msn"), "imagegpt": None, "siglip_vision_model": pictures("siglip_vision_model"), "clip_vision_model": pictures("clip_vision_model"), "hiera": pictures("hiera", dict(embed_dim=16, depths=[1, 1], num_heads=[1, 2], image_size=[32, 32], patch_size=[7, 7], patch_stride=[4, 4], query_stride=[2, 2], masked_unit_size=[4, 4], num_query_pool=1)), "swin2sr": pictures("swin2sr", dict(embed_dim=16, depths=[1, 1], num_heads=[2, 2], num_attention_heads=[2, 2], window_size=4, patch_size=1, upscale=2), 16, "AutoModelForImageToImage", "reconstruction"), "depth_anything": None, "superpoint": None,
    "wav2vec2": sound("wav2vec2"), "hubert": sound("hubert"), "wavlm": sound("wavlm"), "unispeech": sound("unispeech"), "sew": sound("sew", squeeze_factor=2), "data2vec-audio": sound("data2vec-audio"), "wav2vec2-conformer": sound("wav2vec2-conformer"), "wav2vec2-layer": sound("wav2vec2", feat_extract_norm="layer", do_stable_layer_norm=True),
    "whisper-encoder": whisper("encoder"), "whisper-decoder": whisper("decoder"), "clip": two_towers("clip"), "siglip": two_towers("siglip"), "sam-encoder": sam("encoder"), "sam-decoder": sam("decoder"), "vae": unet("vae"), "unet2d": unet("unet2d"), "unet-condition": unet("condition"), "dit": unet("dit"),
    "detr": detr("detr"), "conditional_detr": detr("conditional_detr"), "deformable_detr": detr("deformable_detr"), "yolos": detr("yolos"), "table-transformer": detr("table-transformer"), "ast": speech_text("ast"), "patchtst": speech_text("patchtst"), "hifigan": speech_text("hifigan"), "univnet": speech_text("vits"),
}
MODELS = {f"mm/{k}": v for k, v in MODELS.items() if v}
