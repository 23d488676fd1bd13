# What judges the programs, and what they need installed.

DEB_BUILD := gcc make pkg-config protobuf-c-compiler protobuf-compiler libprotobuf-c-dev libjansson-dev \
             libevent-dev libsqlite3-dev libseccomp-dev libcap-dev libnl-3-dev libnftables-dev \
             libcmocka-dev uthash-dev libarchive-dev libssl-dev zlib1g-dev libglib2.0-dev tzdata
DEB_TEST  := python3 python3-pytest curl bind9-dnsutils procps iproute2 strace qemu-system-x86 qemu-system-common \
             busybox-static uidmap podman conmon runc crun cpio kmod e2fsprogs xfsprogs mount libasan8 libubsan1 clang libclang-rt-14-dev skopeo umoci zstd containernetworking-plugins \
             haproxy nginx socat nftables conntrack
DEB_BENCH := runc crun bubblewrap wrk
DEB_ALL   := $(DEB_BUILD) $(DEB_TEST)

# Ask dpkg only; go to apt only for what is missing.
missing    = $(shell for p in $(1); do dpkg-query -W -f '$${Status}\n' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done)

# Services among them are not started: tests start their own.
define install_missing
	@missing="$(strip $(call missing,$(1)))"; \
	if [ -n "$$missing" ]; then \
	  echo "installing: $$missing"; \
	  if [ ! -e /usr/sbin/policy-rc.d ]; then \
	    trap 'rm -f /usr/sbin/policy-rc.d' EXIT; \
	    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d; \
	  fi; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi
endef

deps:
	$(call install_missing,$(DEB_ALL))

.PHONY: deps-build deps-bench
deps-build:
	$(call install_missing,$(DEB_BUILD) python3 procps curl)
deps-bench:
	$(call install_missing,$(DEB_ALL) $(DEB_BENCH))

# `make demo` on a bare machine: what is built next needs what is installed first.
demo: deps-build
	@$(MAKE) --no-print-directory all
	@tests/demo/demo $(abspath $(B))

demo-fleet: deps-build
	$(call install_missing,iproute2)
	@$(MAKE) --no-print-directory all
	@$(PYTHON) -B tests/demo/fleet $(abspath $(B))

demo-net: deps-build
	$(call install_missing,iproute2 curl)
	@$(MAKE) --no-print-directory all
	@$(PYTHON) -B tests/demo/net $(abspath $(B))

run: deps-build
	@$(MAKE) --no-print-directory all
	@tests/demo/run $(abspath $(B))

check: deps
	@$(MAKE) --no-print-directory check-includes
	@$(MAKE) --no-print-directory check-unit
	@$(MAKE) --no-print-directory check-sim SEEDS=2000
	@$(MAKE) --no-print-directory check-conformance
	@$(MAKE) --no-print-directory check-marathon
	@$(MAKE) --no-print-directory check-integration
	@$(MAKE) --no-print-directory check-escape
	@$(MAKE) --no-print-directory check-vm

check-includes:
	@tests/check-includes

PYTEST := $(PYTHON) -B -m pytest -p no:cacheprovider -q --color=no --strict-markers -c tests/integration/pytest.ini

# Unpacked and not installed: an installed containerd is started, and may have to replace another.  Where there is no
# Debian to ask, its tests are skipped.
build/containerd:
	@mkdir -p $@.new && cd $@.new && echo "unpacking: containerd" && \
	  if apt-get -qq -o APT::Sandbox::User=root download containerd; then dpkg -x containerd_*.deb . && rm containerd_*.deb; fi
	@mv $@.new $@

check-integration: all examples build/containerd $(B)/tests/bench/launch $(B)/tests/bench/resize
	TEPUI_BUILD=$(abspath $(B)) $(PYTEST) --ignore-glob='*/test_escape*' tests/integration $(PYTEST_ARGS)

# The published interfaces of Mesos and of Marathon, one test for each row of their references; the last line counts
# them by section.
.PHONY: check-conformance check-marathon
check-conformance check-marathon: check-%: all
	TEPUI_BUILD=$(abspath $(B)) $(PYTEST:%/integration/pytest.ini=%/$*/pytest.ini) tests/$* $(PYTEST_ARGS)

# What a hostile task tries.  The prober is one static program and knows nothing of ours.
PROBER_SRC := tests/escape/isoprobe.c $(wildcard tests/escape/probes_*.c)
$(B)/tests/escape/isoprobe: $(PROBER_SRC) tests/escape/probe.h
	@mkdir -p $(@D)
	$(call say,CC)$(CC) -D_GNU_SOURCE -I. -std=gnu17 -O2 -g $(WARN) -static -o $@ $(PROBER_SRC)

$(B)/tests/escape/verdicts: tests/escape/verdicts.c tests/unit/filter_machine.h $(B)/isolators.a $(B)/net.a $(B)/lib.a
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CPPFLAGS) -I$(B)/proto $(CFLAGS) $(LDFLAGS) -o $@ $< \
	  $(B)/isolators.a $(B)/net.a $(B)/lib.a $(B)/proto.a $(LIBS_COMMON) $(LIBS_NETLINK) -lseccomp -lcap -lm

$(B)/tests/escape/namesake: tests/escape/namesake.c
	@mkdir -p $(@D)
	$(call say,CC)$(CC) -D_GNU_SOURCE -std=gnu17 -O2 -g $(WARN) -o $@ $<

ESCAPE_BIN := $(B)/tests/bench/launch $(addprefix $(B)/tests/escape/,isoprobe verdicts namesake)
.PHONY: check-escape escape-verdicts
check-escape: all $(ESCAPE_BIN)
	TEPUI_BUILD=$(abspath $(B)) $(PYTEST) tests/integration/test_escape*.py $(PYTEST_ARGS)

# After a change of the battery's tables.
docs/escape.md: $(B)/tests/escape/isoprobe $(wildcard tests/escape/*)
	tests/escape/document $< >$@

# After a change of the built-in profile: read the difference, then commit it with the change.
escape-verdicts: $(B)/tests/escape/verdicts
	$< >tests/escape/syscalls.verdicts

# The same programs and tests, on a kernel with every controller on cgroup v2.
check-vm: all build/containerd $(ESCAPE_BIN) $(B)/tests/bench/resize
	@tests/vm/halves env TEPUI_BUILD=$(abspath $(B)) $(PYTEST) -m vm tests/integration $(PYTEST_ARGS)

# Everything once more with AddressSanitizer and UBSan in every process.
asan: build/containerd
	@$(MAKE) --no-print-directory SANITIZE=1 all $(addprefix build/asan/tests/bench/,launch resize) $(addprefix build/asan/tests/escape/,isoprobe verdicts namesake)
	TEPUI_BUILD=$(abspath build/asan) TEPUI_TEST_SANITIZED=1 $(PYTEST) tests/integration $(PYTEST_ARGS)

FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_SECONDS ?= 20
.PHONY: fuzz
fuzz:
	@$(MAKE) --no-print-directory CC=clang B=build/fuzz SAN="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined" OPT="-O1 -g" HARDEN= HARDENLD= run-fuzz

FUZZ_BIN := $(FUZZ_SRC:%.c=$(B)/%)
$(B)/tests/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(ARCHIVES)
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CPPFLAGS) -I$(B)/proto $(filter-out -fsanitize=fuzzer-no-link,$(CFLAGS)) -fsanitize=fuzzer,address,undefined -Wno-missing-prototypes -o $@ $< \
	  -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LIBS_COMMON) $(LIBS_STORE) $(LIBS_ZONE) $(LIBS_NETLINK) -levent_extra -lseccomp -lcap -lssl -lcrypto -larchive -lm

.PHONY: run-fuzz
run-fuzz: $(FUZZ_BIN)
	@for target in $(FUZZ_BIN); do \
	  name=$$(basename $$target); corpus=build/fuzz/corpus/$$name; mkdir -p $$corpus; \
	  seeds=tests/fuzz/corpus/$$name; [ -d $$seeds ] || seeds=; \
	  echo "$$name for $(FUZZ_SECONDS) s"; \
	  $$target -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -artifact_prefix=tests/fuzz/crash- -verbosity=0 -print_final_stats=1 $$corpus $$seeds || exit 1; \
	done

# ---- The master's core with everything around it simulated, and what can go wrong ----
SIM_OBJ := $(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/sim/*.c))
$(B)/tests/sim/sim: $(SIM_OBJ) $(B)/master_stub.a $(B)/net.a $(B)/lib.a $(B)/proto.a
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_COMMON) $(LIBS_STORE) $(LIBS_ZONE) -lm

# What was found once first, then SEEDS others; a few with sanitizers.
SEEDS ?= 10000
JOBS  ?= $(shell nproc)
.PHONY: check-sim sim
check-sim: $(B)/tests/sim/sim
	@$(B)/tests/sim/sim --list tests/sim/seeds
	@$(MAKE) --no-print-directory SANITIZE=1 SEEDS=$$((($(SEEDS) + 99) / 100)) sim
	@$(B)/tests/sim/sim --seeds $(SEEDS) --jobs $(JOBS)

# Whatever was not looked at yet: make sim SEEDS=1000000 FROM=10001
FROM  ?= 1
sim: $(B)/tests/sim/sim
	@$(B)/tests/sim/sim --seeds $(SEEDS) --from $(FROM) --jobs $(JOBS)

bench: deps-bench
	@$(MAKE) --no-print-directory all $(B)/tests/bench/launch
	@tests/bench/bench $(abspath $(B))

$(B)/tests/bench/%: tests/bench/%.c $(B)/containerizer.a $(B)/isolators.a $(B)/net.a $(B)/lib.a
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CPPFLAGS) -I$(B)/proto $(CFLAGS) $(filter-out -pie,$(LDFLAGS)) $(EXECUTOR_LD) -o $@ $< \
	  $(B)/containerizer.a $(B)/isolators.a $(B)/net.a $(B)/lib.a $(B)/proto.a $(LIBS_COMMON) $(LIBS_NETLINK) -lm

# What frameworks are made of, to be read; tests run them.
.PHONY: examples
examples: $(B)/examples/framework
$(B)/examples/framework: docs/examples/framework.c $(B)/net.a $(B)/lib.a $(B)/proto.a
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CPPFLAGS) -I$(B)/proto $(CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< \
	  $(B)/net.a $(B)/lib.a $(B)/proto.a $(LIBS_COMMON) -lcrypto -lm

# The figures of the master, of its allocator alone, and of the controller.
MASTER_BENCH := $(addprefix $(B)/tests/bench/,allocator core directory listing fleet)
CONTROLLER_BENCH := $(addprefix $(B)/tests/bench/,fleet nodes checked ask)
$(CONTROLLER_BENCH): $(B)/obj/tests/bench/fleet_io.o
$(sort $(MASTER_BENCH) $(CONTROLLER_BENCH)): $(B)/tests/bench/%: tests/bench/%.c $(B)/master_stub.a $(B)/net.a $(B)/lib.a $(B)/proto.a
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CPPFLAGS) -I$(B)/proto $(CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(filter %.o,$^) \
	  $(B)/master_stub.a $(B)/net.a $(B)/lib.a $(B)/proto.a $(LIBS_COMMON) $(LIBS_STORE) $(LIBS_ZONE) -lm

# What services cost a node; the program finds tepui-nft beside itself.
$(B)/tests/bench/services: tests/bench/services.c $(B)/agent.a $(B)/containerizer/image.a $(B)/containerizer.a $(B)/isolators.a $(B)/net.a $(B)/lib.a $(B)/proto.a $(B)/tepui-nft
	@mkdir -p $(@D)
	@ln -sf ../../tepui-nft $(@D)/tepui-nft
	$(call say,CC)$(CC) $(CPPFLAGS) -I$(B)/proto $(CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(filter %.a,$^) \
	  $(LIBS_COMMON) $(LIBS_STORE) $(LIBS_NETLINK) -lseccomp -lcap -lcrypto -lm

.PHONY: bench-net
NET_BENCH := $(addprefix $(B)/tests/bench/,launch services dns)
bench-net: deps-bench
	@$(MAKE) --no-print-directory all $(NET_BENCH)
	@tests/bench/bench-net $(abspath $(B))

.PHONY: bench-services
bench-services: deps-build $(B)/tests/bench/services
	@$(B)/tests/bench/services 5000 10 200

.PHONY: bench-master
bench-master: deps-build
	@$(MAKE) --no-print-directory all $(MASTER_BENCH)
	@tests/bench/bench-master $(abspath $(B))

.PHONY: bench-controller
bench-controller: deps-build
	@$(MAKE) --no-print-directory all $(CONTROLLER_BENCH)
	@tests/bench/bench-controller $(abspath $(B))

install: all
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec/tepui \
	  $(DESTDIR)$(PREFIX)/share/man/man8 $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/lib/systemd/system
	install -m 0755 $(B)/tepui-master $(B)/tepui-agent $(DESTDIR)$(PREFIX)/sbin
	install -m 0755 $(B)/tepui $(B)/tepui-oci $(DESTDIR)$(PREFIX)/bin
	install -m 0755 $(B)/tepui-executor $(B)/tepui-image $(B)/tepui-unpack $(B)/tepui-nft $(DESTDIR)$(PREFIX)/libexec/tepui
	install -m 0644 docs/man/*.8 $(DESTDIR)$(PREFIX)/share/man/man8
	install -m 0644 docs/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1
	for unit in packaging/*.service; do \
	  sed 's|/usr/sbin/|$(PREFIX)/sbin/|' $$unit >$(DESTDIR)$(PREFIX)/lib/systemd/system/$$(basename $$unit); \
	done
