package fetch

import (
	"net/http"

	"onerpm/bundler/internal/exit"
)

// maxRedirects bounds how often a server may say that a file is elsewhere.
const maxRedirects = 10

// redirect decides whether to go where a server says that a file is. It never leads from https
// to http, where anybody could answer; and the address so far, in which there may be a
// signature, is not told to the next server.
func redirect(next *http.Request, before []*http.Request) error {
	last := before[len(before)-1]
	switch {
	case len(before) >= maxRedirects:
		return exit.Errorf(exit.Missing, "correct its source in the release", "the server leads on more than %d times", maxRedirects)
	case last.URL.Scheme == "https" && next.URL.Scheme != "https":
		return exit.Errorf(exit.Missing, "have the server lead to an https:// address, or name one as the source",
			"the server leads from https to %s, which is not followed", plain(next.URL))
	}
	next.Header.Del("Referer")
	return nil
}
