"""Tables about members that were added to a study by the key `add`, column by column."""

from resiliency.tables.record import (
    CONFIDENCE,
    COUNT,
    DIFFERENCE,
    FRACTION,
    FROM_1,
    NAME,
    OF_SEVERAL,
    Column,
    Table,
    ends,
    one_of,
)

MEMBER = Column("member", "name of the added member", NAME)
NEEDS = frozenset({"ensembles", "added", "images"})

ADDED = Table(
    "tables/added_members.csv",
    "Ranks of added members",
    "Members",
    "Where each member of `add` ranks on each set of images, and on how many images it is the only one right or wrong.",
    "added member and set of images",
    [
        MEMBER,
        Column("condition", "`clean`, `corrupted` or a further test set, as in member_ranks.csv", NAME),
        Column("rank", "rank by error among all members; 1 is the smallest", FROM_1),
        *ends("rank", "as in member_ranks.csv", FROM_1),
        Column("of", "number of members", FROM_1),
        Column("error", "top-1 error", FRACTION),
        Column("alone_right", "number of images on which all others are wrong; empty for `corrupted`", COUNT),
        Column("alone_wrong", "number of images on which all others are right; empty for `corrupted`", COUNT),
        Column("images", "number of images", COUNT),
        CONFIDENCE,
    ],
    needs=NEEDS,
)

PARTNERS = Table(
    "tables/partners.csv",
    "Best partners of added members",
    "Ensembles",
    "With which members each member of `add` forms the best ensembles: chosen on half of the clean images.",
    "added member, size and ensemble; the five best of each size",
    [
        MEMBER,
        OF_SEVERAL._replace(meaning="number of members, the added one among them"),
        Column("rank", "rank by `selection_accuracy` among ensembles of this size with the added member", FROM_1),
        Column("of", "number of these ensembles", FROM_1),
        Column("partners", "names of the other members, joined by `+`", NAME),
        Column("selection_accuracy", "accuracy on the clean images of the choice", FRACTION),
        Column(
            "<test set>_accuracy",
            "accuracy; `clean`: on the images not used for the choice; others: on all their images",
            FRACTION,
        ),
        *ends("<test set>_accuracy", "Wilson"),
        Column("gain", "`clean_accuracy` minus that of the added member by itself on the same images", DIFFERENCE),
        *ends("gain", "normal, paired over images", DIFFERENCE),
        Column("accuracy_without", "accuracy of the other members without the added one on the same images", FRACTION),
        Column("added", "`clean_accuracy` minus `accuracy_without`: what the member adds to the others", DIFFERENCE),
        *ends("added", "normal, paired over images", DIFFERENCE),
        Column("selection_images", "number of clean images of the choice", COUNT),
        Column("images", "number of clean images that judge", COUNT),
        CONFIDENCE,
    ],
    needs=NEEDS,
)

ALONE = Table(
    "tables/alone_images.csv",
    "Images on which an added member stands alone",
    "Images",
    "Images on which only the added member is right, or only it is wrong, among all members.",
    "added member and image",
    [
        MEMBER,
        Column("condition", "`clean` or a further test set", NAME),
        Column("image", "name or number of the image", NAME),
        Column("alone", "whether the added member is the only one `right` or `wrong`", one_of("right", "wrong")),
        Column("label", "class of the image", NAME),
        Column("prediction", "class that the added member predicts", NAME),
        Column("others_prediction", "most frequent prediction of the others", NAME),
        Column("others_share", "share of the others that predict it", FRACTION),
    ],
    needs=NEEDS,
)
