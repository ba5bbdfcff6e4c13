"""What happens to models while the service runs, as JSON lines of its log. Paths of models may stand here, and nobody's
work."""

import json
import logging
import time

log = logging.getLogger("grader.access.models")


def log_model(told: str) -> None:
    log.info(json.dumps({"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "model": told}))
