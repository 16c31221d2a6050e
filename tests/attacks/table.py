"""The table of all attacks: each area with what is written, and what must come of it."""

from attacks.ages import AREAS as OF_AGES
from attacks.arrays import AREAS as OF_ARRAYS
from attacks.extensions import AREAS as OF_EXTENSIONS
from attacks.factories import AREAS as OF_FACTORIES
from attacks.finished import AREAS as OF_FINISHED
from attacks.folders import AREAS as OF_FOLDERS
from attacks.names import AREAS as OF_NAMES
from attacks.networks import AREAS as OF_NETWORKS
from attacks.records import AREAS as OF_RECORDS
from attacks.servers import AREAS as OF_SERVERS
from attacks.studies import AREAS as OF_STUDIES
from attacks.studies import spoilt
from attacks.tables import AREAS as OF_TABLES
from attacks.weights import AREAS as OF_WEIGHTS

SAMPLE = 40  # studies that are spoilt at random
OF_INPUT = (*OF_STUDIES, *OF_NAMES, *OF_TABLES, *OF_ARRAYS, *OF_FOLDERS, *OF_SERVERS)
OF_CODE = (*OF_EXTENSIONS, *OF_FACTORIES, *OF_NETWORKS, *OF_WEIGHTS)
AREAS = (spoilt(SAMPLE), *OF_INPUT, *OF_CODE, *OF_AGES, *OF_RECORDS, *OF_FINISHED)
