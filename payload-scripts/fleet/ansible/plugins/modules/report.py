#!/usr/bin/python
# The work is done by plugins/action/report.py; this is its documentation.

from __future__ import annotations

DOCUMENTATION = """
module: report
short_description: fetch the report of the last upgrade of a machine
description:
  - Fetches the report, as it is now, of the last upgrade to the bundle release.
extends_documentation_fragment:
  - onerpm.fleet.bundle
author:
  - The maintainers of this project (@onerpm)
"""

EXAMPLES = """
- name: Fetch the report
  onerpm.fleet.report:
    bundle: upgrades/example-upgrade-4.2.0.rpm
    sha256: "{{ upgrade_sha256 }}"
    reports: reports
"""

RETURN = """
outcome:
  description: How the last upgrade ended, C(upgraded), C(rolled-back), C(refused) or C(needs-a-person); C(under-way) while it has not.
  returned: when there was one
  type: str
window:
  description: How long the product was out of service.
  returned: when there was an upgrade
  type: str
cause:
  description: The first cause of a failure.
  returned: when there was an upgrade
  type: str
todo:
  description: What to do next, empty for nothing.
  returned: when there was an upgrade
  type: str
report:
  description: The report, empty when there was no upgrade.
  returned: always
  type: dict
"""
