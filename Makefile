# The project's commands. Everything is made into dist/, tools into .cache/.
GO      ?= go
GOLINT   = .cache/bin/golangci-lint
LINTVER  = v2.15.0
AWS      = .cache/aws/bin/aws
AWSVER   = 1.46.3
ANSIBLE  = .cache/ansible/whole
SSM      = .cache/ssm/whole
PG       = .cache/postgresql
PG95     = $(PG)/9.5.3
RELEASE ?= 4.1.1
JUMPS    = 3.4.2-4.0.1 4.0.1-4.1.1 4.1.1-4.2.0
# The newest release in CHANGELOG.md, with +unreleased behind it while there are changes after it.
VERSION ?= $(shell awk '/^.. Unreleased/ { more = "+unreleased" } /^.. [0-9]/ { number = $$2; exit } END { print (number ? number : "0.0.0") more }' CHANGELOG.md)
BUILD    = CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false
SMALL    = -s -w -buildid=
PREFIX  ?= /usr/local
SHARE    = dist/share
STAMPED  = $(SMALL) -X onerpm/bundler/internal/version.number=$(VERSION)

# The tests write attributes that not every tmpfs has, and are built where git may not trust the folder's owner.
ifeq ($(shell stat -f -c %T /tmp),tmpfs)
export TMPDIR = /var/tmp
endif
export GOFLAGS += -buildvcs=false

.NOTPARALLEL:
.PHONY: help demo test check unit e2e test-fleet test-crash test-random test-platforms test-postgresql test-harms test-large generate lint components bundler engine install release bundles host bench prepare clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: bundler ## build the demo product and the bundle that upgrades it, and publish it in dist/repo
	$(GO) run ./test/product/components --out dist/components 4.1.1 4.2.0
	dist/bin/bundler build 4.1.1-4.2.0
	dist/bin/bundler inspect dist/cloudify-upgrade-4.2.0.rpm --key test/keys/demo.pub.asc
	rm -rf dist/repo
	dist/bin/bundler publish dist/cloudify-upgrade-4.2.0.rpm --to dist/repo
	dist/bin/bundler verify --from dist/repo
	@echo
	@echo "next:"
	@echo "  look into it              dist/bin/bundler inspect dist/cloudify-upgrade-4.2.0.rpm"
	@echo "  what a host would see     dist/bin/bundler diff 4.1.1-4.2.0"
	@echo "  its signature (with rpm)  rpm --import test/keys/demo.pub.asc && rpm -Kv dist/cloudify-upgrade-4.2.0.rpm"
	@echo "  the download page         xdg-open dist/repo/index.html    (or any browser: file://$(CURDIR)/dist/repo/index.html)"
	@echo "  dnf and its repository    dnf --config dist/repo/cloudify-upgrade.repo --noplugins --releasever=7 --disablerepo='*' \\"
	@echo "                              --enablerepo=cloudify-upgrade-testing -y search cloudify-upgrade"
	@echo "  a machine to try it on    make host RELEASE=4.1.1      (root, Debian 12; installs what it needs)"
	@echo "  and on that machine       dnf install -y ./cloudify-upgrade-4.2.0.rpm && cloudify-upgrade wait"

components: ## build the demo product's RPMs, all releases
	$(GO) run ./test/product/components --out dist/components

bundler: engine ## build the release engineer's command, with the engine in it
	GOOS= GOARCH= $(GO) run ./bundler/internal/engine/embed dist/engine bundler/internal/engine/built/engine.zst
	$(BUILD) -ldflags "$(STAMPED)" -o dist/bin/bundler ./bundler

	@mkdir -p $(SHARE)/man/man1 $(SHARE)/bash-completion/completions $(SHARE)/zsh/site-functions $(SHARE)/fish/vendor_completions.d
	dist/bin/bundler man >$(SHARE)/man/man1/bundler.1
	dist/bin/bundler completion bash >$(SHARE)/bash-completion/completions/bundler
	dist/bin/bundler completion zsh >$(SHARE)/zsh/site-functions/_bundler
	dist/bin/bundler completion fish >$(SHARE)/fish/vendor_completions.d/bundler.fish

install: ## install what make bundler built below PREFIX (/usr/local), with man page and completion; DESTDIR is for packagers
	@test -x dist/bin/bundler || { echo "build it first: make bundler" >&2; exit 2; }
	install -D -m 755 dist/bin/bundler $(DESTDIR)$(PREFIX)/bin/bundler
	for f in $$(cd $(SHARE) && find . -type f); do install -D -m 644 $(SHARE)/$$f $(DESTDIR)$(PREFIX)/share/$$f || exit; done

release: bundler ## make dist/release: archives, RPMs and DEBs of the bundler, signed: make release KEY=FILE, and PASSPHRASE=FILE for a key that has one
	@test -n "$(KEY)" || { echo "name the private key to sign with: make release KEY=FILE" >&2; exit 2; }
	for arch in amd64 arm64; do GOOS=linux GOARCH=$$arch $(BUILD) -ldflags "$(STAMPED)" -o dist/programs/$$arch/bundler ./bundler || exit; done
	rm -rf dist/release
	$(GO) run ./bundler/packaging --version $(VERSION) --key $(KEY) --passphrase-file "$(PASSPHRASE)" --share $(SHARE) --programs dist/programs --output dist/release

engine: ## build the program that runs on the customer's machine
	GOOS=linux GOARCH=amd64 $(BUILD) -ldflags "$(SMALL)" -o dist/engine ./payload-scripts

bundles: components bundler ## build all bundles; needs what make prepare installs
	@for jump in $(JUMPS); do dist/bin/bundler build $$jump || exit; done

prepare: ## install what the tests need (Debian 12, root)
	test/host/install.sh
	@for try in 1 2 3; do $(GO) list -deps -test ./... >/dev/null && break; [ $$try != 3 ] || exit 1; sleep 10; done

test: prepare lint unit e2e ## run everything

check: lint ## lint, and the tests that need no root and little time
	$(GO) test -short ./internal/... ./bundler/... ./test/docs

unit: prepare components engine $(PG95) ## run all tests but those on a test machine
	$(GO) test -timeout 60m $$($(GO) list ./... | grep -v -e /test/e2e -e /test/second -e /test/process -e /test/crash -e /test/random -e /test/platforms -e /test/harms -e /test/fleet$$ -e /test/large$$)
	$(GO) test -count=1 -tags crashpoints -run Steady ./payload-scripts/internal/host
	POSTGRES_BIN=$(CURDIR)/$(PG95)/bin ONERPM_POSTGRESQL=$(CURDIR)/$(PG95) $(GO) test -count=1 -timeout 20m $(addprefix ./payload-scripts/internal/,database dbcheck dbspace dump migration schema sequence store)

ifeq ($(origin TEST),command line)
e2e: prepare ## run the tests on real machines, each time anew; one of them: make e2e TEST=TestGate
	$(GO) test -count=1 -timeout 60m -v -run '$(TEST)' ./test/e2e
else
e2e: prepare bundles
	$(GO) test -count=1 -timeout 120m -v -p 2 -parallel 3 ./test/e2e/... ./test/second ./test/process ./test/crash ./test/random ./test/platforms
endif

test-crash: prepare components ## die at every point of each jump; goes on where it was ended
	ONERPM_CRASH=all $(GO) test -count=1 -timeout 0 -v ./test/crash -run TestCrash

test-random: prepare bundles ## 336 trials with faults at random times under a write load; goes on where it was ended
	ONERPM_RANDOM=336 $(GO) test -count=1 -timeout 0 -v ./test/random -run TestRandom

test-platforms: prepare bundles ## try, and certify, on every platform, with twenty crash points on each, and write docs/platforms.md
	ONERPM_PLATFORMS=all $(GO) test -count=1 -timeout 0 -v -parallel 4 ./test/platforms -run TestPlatforms
	ONERPM_PLATFORMS=all $(GO) test -count=1 -timeout 0 -run '^$$' -bench Windows -benchtime 1x ./test/platforms
	ONERPM_PLATFORMS=all $(GO) test -count=1 -timeout 0 -v ./test/crash -run TestCrash
	ONERPM_PLATFORMS=all $(GO) test -count=1 -timeout 0 -v ./test/e2e -run '^TestCertify$$/4.2.0'

test-large: prepare ## build bundles past 4 GiB and upgrade a machine with each; takes 30 GB of disk
	$(GO) test -count=1 -timeout 0 -v ./test/large

test-harms: prepare bundles ## build more than thirty bundles that do harm, and certify each: it has to fail, and to name the harm
	$(GO) test -count=1 -timeout 0 -v ./test/harms

test-fleet: prepare bundles $(ANSIBLE) $(SSM) ## upgrade many machines by Ansible, and hold its collection and the documents for AWS against their own tools
	$(GO) test -count=1 -timeout 60m -v ./test/fleet

test-postgresql: prepare ## dump and load by every pair of PostgreSQL's versions that can be had, and write docs/postgresql.md
	test/product/pgserver/testdata/postgresql.sh $(PG) all
	ONERPM_POSTGRESQL=$$(echo $(CURDIR)/$(PG)/* | tr ' ' :) $(GO) test -count=1 -timeout 0 -v ./payload-scripts/internal/dump -run TestPairs -update

generate: ## write anew what is made from the code: schemas, pages, digests of the demo product
	$(GO) test ./bundler/internal/schema ./payload-scripts/schemas ./payload-scripts/internal/upgrade -run 'TestSchemasAreThoseOfTheTypes|TestKeysPage|TestDraw' -update
	$(GO) run ./test/product/components --lock

lint: $(GOLINT) ## run golangci-lint
	$(GOLINT) run ./...

$(GOLINT):
	for try in 1 2 3; do GOBIN=$(CURDIR)/.cache/bin $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINTVER) && break; [ $$try != 3 ] || exit 1; sleep 10; done

$(PG95): # what customers run
	test/product/pgserver/testdata/postgresql.sh $(PG) 9.5.3

host: prepare components ## a shell on a test machine: make host RELEASE=4.1.1 PLATFORM=debian13
	$(GO) run ./test/host/machine --release $(RELEASE) --data $(if $(PLATFORM),--platform $(PLATFORM))

bench: prepare bundles $(AWS) ## measure, beside peers in the same run; BEFORE=FILE compares the window with that bundle's
	$(GO) run ./test/bench --aws $(AWS)
	$(GO) run ./test/bench/window $(if $(BEFORE),--rounds 3 --before $(BEFORE))
	$(GO) run ./test/bench/clients $(if $(BEFORE),--before $(BEFORE))
	$(GO) run ./test/bench/store
	$(GO) run ./test/bench/repository
	$(GO) test -run '^$$' -bench OneMore -benchtime 5x ./bundler/internal/repo

$(AWS): # a peer of the benchmarks
	python3 -m venv .cache/aws
	.cache/aws/bin/pip install --quiet awscli==$(AWSVER)

$(ANSIBLE): # the oldest and the newest release of ansible-core that the collection is for
	rm -rf $(@D) # a virtual environment cannot be moved, so a mark says that it is whole
	python3 -m venv $(@D)/oldest
	$(@D)/oldest/bin/pip install --quiet ansible-core==2.15.13
	python3 -m venv $(@D)/newest
	$(@D)/newest/bin/pip install --quiet ansible-core==2.19.14 ansible-lint==26.10.1
	touch $@

$(SSM): # AWS's schema of Automation documents
	rm -rf $(@D)
	command -v npm >/dev/null || { apt-get update -q && apt-get install -y -q --no-install-recommends npm; }
	npm install --silent --no-save --ignore-scripts --prefix $(@D) aws-ssm-document-language-service@1.0.0
	touch $@

clean: ## remove what was made here
	rm -rf dist .cache bundler/internal/engine/built/engine.zst
