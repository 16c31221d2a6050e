"""A small design of each family."""

from resiliency.designs.settings import Design

DESIGNS = {
    "resnet": Design(architecture="resnet18", arguments={"layers": [2, 1, 1, 1], "channels": [4, 4, 4, 8]}),
    "densenet": Design(architecture="densenet121", arguments={"growth_rate": 4, "block_config": [1, 1, 1, 1]}),
    "mobilenet": Design(architecture="mobilenetv3_small_050"),
    "regnet": Design(architecture="regnetx_002"),
    "convnext": Design(
        architecture="convnext_atto", arguments={"patch_size": 2, "depths": [1, 1, 1, 1], "dims": [8, 8, 8, 8]}
    ),
    "vit": Design(
        architecture="vit_tiny_patch16_224",
        arguments={"img_size": 32, "patch_size": 8, "embed_dim": 24, "depth": 2, "num_heads": 3},
    ),
}
