package host

import "context"

func lowerLayers(ctx context.Context, _ Options) ([]*entry, error) {
	e, err := root(ctx)
	if err != nil {
		return nil, err
	}
	return []*entry{e}, nil
}

func (m *Machine) awaitProduct(context.Context) error { return nil }
