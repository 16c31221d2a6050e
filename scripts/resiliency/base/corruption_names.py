"""Names of the corruptions, in the order of their publication (Hendrycks and Dietterich, ICLR 2019), and others."""

from resiliency.base.extensions import extensions

CATEGORIES = {
    "noise": ("gaussian_noise", "shot_noise", "impulse_noise"),
    "blur": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur"),
    "weather": ("snow", "frost", "fog", "brightness"),
    "digital": ("contrast", "elastic_transform", "pixelate", "jpeg_compression"),
}
MAIN = tuple(name for names in CATEGORIES.values() for name in names)
BUILT_IN = (*MAIN, "speckle_noise", "gaussian_blur", "spatter", "saturate")
ADDED = tuple(name for name in extensions("corruptions") if name not in BUILT_IN)  # the engine refuses the others
HELD_OUT = (*BUILT_IN[len(MAIN) :], *ADDED)
