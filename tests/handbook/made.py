"""What of docs/ is made, and by whom."""

from collections.abc import Callable

from pipeline.settings_docs import configuration_page
from pipeline.web.handbook import page as api_page
from tests.handbook.errors_page import errors_page
from tests.handbook.metrics_page import metrics_page
from tests.handbook.options_page import options_page
from tests.handbook.rollout_picture import sick_release, well_release
from tests.handbook.states_picture import deployment_states, run_stages

MADE: dict[str, Callable[[], str]] = {
    "api.md": api_page,
    "configuration.md": configuration_page,
    "errors.md": errors_page,
    "metrics.md": metrics_page,
    "options.md": options_page,
    "pictures/deployment-states.svg": deployment_states,
    "pictures/run-stages.svg": run_stages,
    "pictures/rollout-well.svg": well_release,
    "pictures/rollout-sick.svg": sick_release,
}
