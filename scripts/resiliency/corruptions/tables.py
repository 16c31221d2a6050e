"""The published severity tables, as plain data: one entry for each severity from 1 to 5.

The two tables belong to two sizes of image. "imagenet-c" makes 32x32 images unrecognisable; "cifar-10-c" hardly shows
at 224x224. Sources:

* Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and Perturbations", ICLR 2019,
  and its generators (github.com/hendrycks/robustness).
* "imagenet-c" follows the package imagecorruptions 1.1.2 (Michaelis et al., arXiv 1907.07484) where the two differ,
  because parity is measured against that package: elastic_transform has no affine step and other figures; pixelate
  enlarges by nearest neighbour; motion_blur and snow blur with a kernel in Python in place of ImageMagick's.

Units: standard deviations of noise, weights and thresholds are shares of the full range of grey levels; radii, shifts
and standard deviations of blurs are pixels; elastic_transform's are shares of the image's size.
"""

TABLES = {
    "imagenet-c": {
        # standard deviation
        "gaussian_noise": (0.08, 0.12, 0.18, 0.26, 0.38),
        # photons at full intensity
        "shot_noise": (60, 25, 12, 5, 3),
        # share of the values replaced
        "impulse_noise": (0.03, 0.06, 0.09, 0.17, 0.27),
        # standard deviation of the factor
        "speckle_noise": (0.15, 0.2, 0.35, 0.45, 0.6),
        # standard deviation
        "gaussian_blur": (1, 2, 3, 4, 6),
        # radius, standard deviation of the antialiasing
        "defocus_blur": ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
        # standard deviation, largest shift, iterations
        "glass_blur": ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
        # radius, standard deviation
        "motion_blur": ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
        # factors from 1 up to, but without, a stop; step
        "zoom_blur": ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)),
        # mean, standard deviation, zoom, threshold, radius and standard deviation of the motion, weight of the image
        "snow": (
            (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
            (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
            (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
            (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
            (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
        ),
        # weight of the image, weight of the picture of frost
        "frost": ((1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)),
        # weight, decay of the amplitude from scale to scale
        "fog": ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)),
        # mean, standard deviation, blur, threshold, strength (water) or second blur (mud), 1 for mud
        "spatter": (
            (0.65, 0.3, 4, 0.69, 0.6, 0),
            (0.65, 0.3, 3, 0.68, 0.6, 0),
            (0.65, 0.3, 2, 0.68, 0.5, 0),
            (0.65, 0.3, 1, 0.65, 1.5, 1),
            (0.67, 0.4, 1, 0.65, 1.5, 1),
        ),
        # added to the value
        "brightness": (0.1, 0.2, 0.3, 0.4, 0.5),
        # factor
        "contrast": (0.4, 0.3, 0.2, 0.1, 0.05),
        # factor, shift
        "saturate": ((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2)),
        # displacement, its blur, shift of the corners. The package's 250 times (.05 .065 .085 .1 .12), times .005
        "elastic_transform": (
            (0.0625, 0.01, 0),
            (0.08125, 0.01, 0),
            (0.10625, 0.01, 0),
            (0.125, 0.01, 0),
            (0.15, 0.01, 0),
        ),
        # scale
        "pixelate": (0.6, 0.5, 0.4, 0.3, 0.25),
        # quality
        "jpeg_compression": (25, 18, 15, 10, 7),
    },
    "cifar-10-c": {
        "gaussian_noise": (0.04, 0.06, 0.08, 0.09, 0.10),
        "shot_noise": (500, 250, 100, 75, 50),
        "impulse_noise": (0.01, 0.02, 0.03, 0.05, 0.07),
        "speckle_noise": (0.06, 0.1, 0.12, 0.16, 0.2),
        "gaussian_blur": (0.4, 0.6, 0.7, 0.8, 1),
        "defocus_blur": ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
        "glass_blur": ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
        "motion_blur": ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
        "zoom_blur": ((1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01)),
        "snow": (
            (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
            (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
            (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
            (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
            (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
        ),
        "frost": ((1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)),
        "fog": ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
        "spatter": (
            (0.62, 0.1, 0.7, 0.7, 0.5, 0),
            (0.65, 0.1, 0.8, 0.7, 0.5, 0),
            (0.65, 0.3, 1, 0.69, 0.5, 0),
            (0.65, 0.1, 0.7, 0.69, 0.6, 1),
            (0.65, 0.1, 0.5, 0.68, 0.6, 1),
        ),
        "brightness": (0.05, 0.1, 0.15, 0.2, 0.3),
        "contrast": (0.75, 0.5, 0.4, 0.3, 0.15),
        "saturate": ((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2)),
        "elastic_transform": (
            (0, 0, 0.08),
            (0.05, 0.2, 0.07),
            (0.08, 0.06, 0.06),
            (0.1, 0.04, 0.05),
            (0.1, 0.03, 0.03),
        ),
        "pixelate": (0.95, 0.9, 0.85, 0.75, 0.65),
        "jpeg_compression": (80, 65, 58, 50, 40),
    },
}

# What the two generators do differently beside their figures, as further arguments of the functions.
VARIANTS = {
    "imagenet-c": {
        "zoom_blur": {"centred": False},
        "snow": {"centred": False},
        "frost": {"scale": 1.1, "smooth": True},
        "pixelate": {"enlarge": "nearest"},
    },
    "cifar-10-c": {
        "zoom_blur": {"centred": True},
        "snow": {"centred": True},
        "frost": {"scale": 0.2, "smooth": False},
        "pixelate": {"enlarge": "box"},
    },
}
