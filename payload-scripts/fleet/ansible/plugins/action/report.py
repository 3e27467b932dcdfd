"""Fetches the report of a machine's last upgrade; plugins/modules/report.py has the documentation."""

from __future__ import annotations

from ansible_collections.onerpm.fleet.plugins.plugin_utils.machine import FleetAction


class ActionModule(FleetAction):
    def work(self, result):
        self.place()
        result["report"] = self.fetch_report(result)
