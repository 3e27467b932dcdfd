package redact

import (
	"fmt"
	"log/slog"
)

// Attr hides secrets in what is logged: it is for slog.HandlerOptions.ReplaceAttr.
// Messages, texts, errors and lists are looked through; times and numbers are not.
func Attr(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(Prose(a.Value.String()))
	case slog.KindAny:
		if _, level := a.Value.Any().(slog.Level); !level {
			a.Value = slog.StringValue(Prose(fmt.Sprint(a.Value.Any())))
		}
	}
	return a
}
