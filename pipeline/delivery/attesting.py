"""FLOW at the end of publish: keeps what is known of an image with its run. The list of its packages comes from the scan.

The engine's build API attaches nothing to an image: the log says where it is instead.
"""

from pipeline.delivery.findings import PROVENANCE, Provenance
from pipeline.delivery.provenance import statement
from pipeline.delivery.run import StageName
from pipeline.delivery.trip import Ground, Trip, log_of, order_of_build
from pipeline.ports import Ports


def keep_provenance(trip: Trip, ground: Ground, tag: str, image: str, ports: Ports) -> None:
    settings = ports.settings
    if settings.builder.provenance is Provenance.NONE:
        return
    run = ports.runs.run(trip.run.id)
    order = order_of_build(trip, ground, tag, ports)
    source = trip.service.repository.address
    told = statement(trip.run, order, image, source, run.bases, settings.server.url, ports.clock.now())
    log = log_of(trip.run, StageName.PUBLISH, ports)
    if ports.artifacts.keep_bytes(trip.run.id, PROVENANCE, told):
        log(f"[shipway] Provenance is kept with the run ({PROVENANCE}), not in the registry.\n")
    else:
        log("[shipway] The provenance is not kept: the run has no room left for it.\n")
