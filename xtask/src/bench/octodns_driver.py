"""One dry run of octoDNS, and what of it was reading its YAML."""

import json
import sys
import time

spent = {"yaml_wall": 0.0, "yaml_cpu": 0.0}


def timed(function):
    def wrapper(*args, **kwargs):
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            return function(*args, **kwargs)
        finally:
            spent["yaml_wall"] += time.perf_counter() - wall
            spent["yaml_cpu"] += time.process_time() - cpu

    return wrapper


from octodns.manager import Manager
from octodns.provider.base import BaseProvider
from octodns.provider.yaml import YamlProvider

planned = BaseProvider.plan


def counted(*args, **kwargs):
    plan = planned(*args, **kwargs)
    # A dry run does not say how many changes it has.
    spent["changes"] = len(plan.changes) if plan else 0
    return plan


YamlProvider.populate = timed(YamlProvider.populate)
BaseProvider.plan = counted
Manager(config_file=sys.argv[1]).sync(dry_run=True)
print(json.dumps(spent))
