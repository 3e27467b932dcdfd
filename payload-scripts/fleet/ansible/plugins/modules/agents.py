#!/usr/bin/python
# The work is done by plugins/action/agents.py; this is its documentation.

from __future__ import annotations

DOCUMENTATION = """
module: agents
short_description: upgrade the agents of a machine
description:
  - Has the agents on other machines upgraded that are pending after an upgrade, and waits for their end. In check mode it does nothing.
extends_documentation_fragment:
  - onerpm.fleet.bundle
  - onerpm.fleet.bundle.waiting
author:
  - The maintainers of this project (@onerpm)
"""

EXAMPLES = """
- name: Upgrade the agents
  onerpm.fleet.agents:
    bundle: upgrades/example-upgrade-4.2.0.rpm
    sha256: "{{ upgrade_sha256 }}"
    reports: reports
"""

RETURN = """
exit_code:
  description: Exit code of the machine's command, as documented with it.
  returned: always
  type: int
release:
  description: The releases C(from) and C(to) of the bundle.
  returned: when the machine answered
  type: dict
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
agents:
  description: How the agents are.
  returned: always
  type: dict
"""
