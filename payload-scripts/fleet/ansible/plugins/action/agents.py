"""Has the agents on other machines upgraded; plugins/modules/agents.py has the documentation."""

from __future__ import annotations

from ansible_collections.onerpm.fleet.plugins.plugin_utils.machine import PATIENCE, FleetAction, told


class ActionModule(FleetAction):
    spec = PATIENCE

    def work(self, result):
        self.place()
        if self._task.check_mode:
            return
        answer = self.ask_long("agents", self.args["timeout"])
        end = answer.json
        result.update(exit_code=answer.code, agents=end.get("answer") or {}, changed=bool(end.get("changed")))
        self.fetch_report(result)
        if answer.code != 0:
            result.update(failed=True, msg=told(answer))
