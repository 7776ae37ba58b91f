"""What tests of saved folders share."""

import json

from jaxmusic.models.folders import config_digest


def edit_config(folder, change, *, sign=True):
    """Change config.json; with `sign`, as someone would who knows about the digest."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    change(config)
    if sign:
        config["config_sha256"] = config_digest(config)
    path.write_text(json.dumps(config))
