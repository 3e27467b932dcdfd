package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// perDeployment bounds the upgrade of one deployment's agents, as the real command does.
const perDeployment = 900 * time.Second

// installAgents runs install_new_agents on one deployment, or on all that can be: those whose node
// instances are all started. Deployments go side by side.
func installAgents(ctx context.Context, c *client, o options) error {
	type target struct{ tenant, id string }
	var targets []target
	switch len(o.args) {
	case 1:
		targets = []target{{c.profile.Tenant, o.args[0]}}
	case 0:
		all := ""
		if o.allTenants {
			all = "&_all_tenants=true"
		}
		instances, err := c.items(ctx, "node-instances?_size=10000"+all)
		if err != nil {
			return err
		}
		ready := map[target]bool{}
		var order []target
		for _, i := range instances {
			t := target{fmt.Sprint(i["tenant_name"]), fmt.Sprint(i["deployment_id"])}
			if _, seen := ready[t]; !seen {
				ready[t] = true
				order = append(order, t)
			}
			ready[t] = ready[t] && i["state"] == "started"
		}
		for _, t := range order {
			if ready[t] {
				targets = append(targets, t)
			}
		}
	default:
		return errors.New("usage: cfy agents install [DEPLOYMENT] [--all-tenants]")
	}
	var (
		mu     sync.Mutex
		rows   []row
		failed error
		work   sync.WaitGroup
	)
	for _, t := range targets {
		work.Go(func() {
			mine := *c
			mine.profile.Tenant = t.tenant
			execution, err := mine.start(ctx, t.id, "install_new_agents", nil)
			if err == nil {
				execution, err = mine.follow(ctx, execution, perDeployment)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = errors.Join(failed, fmt.Errorf("deployment %s: %w", t.id, err))
				return
			}
			execution["tenant"] = t.tenant
			rows = append(rows, execution)
		})
	}
	work.Wait()
	return errors.Join(failed, c.print(o, rows, "tenant", "deployment_id", "status"))
}
