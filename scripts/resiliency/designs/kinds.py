"""Kinds of networks: which families compute by convolution, by attention, or by both beyond stem and embeddings.

Families are modules of timm, and those of published classifiers; what their papers describe decides.
"""

_FAMILIES = {
    "attention": "beit cait crossvit davit deit eva hiera naflexvit pvt_v2 swin_transformer swin_transformer_v2 "
    "swin_transformer_v2_cr tnt twins vision_transformer vision_transformer_relpos vision_transformer_sam xcit",
    "both": "byoanet coat convit cpubone csatv2 edgenext efficientformer efficientformer_v2 efficientvit_mit "
    "efficientvit_msra fastvit gcvit iformer levit lowformer maxxvit mobilenetv5 mobilevit mvitv2 nest nextvit pit "
    "shvit swiftformer tiny_vit visformer vision_transformer_hybrid vitamin volo",
    "convolution": "alexnet convmixer convnext cspnet densenet dla dpn efficientnet fasternet ghostnet hgnet hrnet "
    "inception inception_next inception_resnet_v2 inception_v3 inception_v4 mambaout mobilenet mobilenetv3 nasnet "
    "nfnet pnasnet polynet pyramidnet rdnet regnet repghost repvit res2net resnest resnet resnet_preact resnetv2 "
    "resnext rexnet selecsls senet shake_drop shake_shake sknet squeezenet starnet tresnet vgg vovnet wide_resnet "
    "xception xception_aligned",
}
KINDS = {family: kind for kind, families in _FAMILIES.items() for family in families.split()}
