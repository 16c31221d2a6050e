"""Settings of the data set."""

from typing import Literal

from pydantic import Field

from resiliency.settings import Settings

DIGITS = 1797


class Dataset(Settings):
    name: Literal["digits"] = Field(
        "digits", description="digits: the 1,797 handwritten digits that scikit-learn ships (Alpaydin and Kaynak, 1998)"
    )
    image_size: int = Field(32, ge=32, le=512, description="images are enlarged to image_size x image_size pixels")
    validation_fraction: float = Field(0.1, gt=0, lt=1, description="share of all images held out for validation")
    test_fraction: float = Field(0.3, gt=0, lt=1, description="share of all images held out for the test")

    @property
    def test_images(self) -> int:
        """Number of test images."""
        return round(self.test_fraction * DIGITS)

    @property
    def validation_images(self) -> int:
        """Number of validation images."""
        return round(self.validation_fraction * DIGITS)

    @property
    def training_images(self) -> int:
        """Number of training images; 0 where the held-out shares leave none."""
        return max(DIGITS - self.test_images - self.validation_images, 0)


class Probe(Settings):
    images: int = Field(
        100, ge=4, description="test images, stratified by class, on which attributions and activations are compared"
    )
